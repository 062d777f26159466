{{ config(severity="warn", store_failures=true) }}

-- Receipts with items whose currency nobody says: set RECEIPTS_CURRENCY, or load with --currency.
select
    receipt_id,
    source,
    source_key,
    item_count
from {{ ref('receipts') }}
where currency = 'XXX' and item_count > 0
