{{ config(severity="warn", store_failures=true) }}

-- Receipts with items whose currency nobody says (set RECEIPTS_CURRENCY, or load with --currency), or that have a code
-- which reference.currencies does not list, so that their prices are read as those of an unknown currency.
with receipts as (

    select * from {{ ref('receipts') }}

),

currencies as (

    select * from {{ ref('currencies') }}
    where currency <> {{ unknown_currency() }}

)

select
    receipts.receipt_id,
    receipts.source,
    receipts.source_key,
    receipts.currency,
    receipts.item_count
from receipts
left join currencies on receipts.currency = currencies.currency
where currencies.currency is null and receipts.item_count > 0
