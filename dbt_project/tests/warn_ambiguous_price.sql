{{ config(severity="warn", store_failures=true) }}

-- Prices that could mean two amounts, since the currency is unknown.
select
    receipt_item_id,
    name,
    price_raw,
    price
from {{ ref('receipt_items') }}
where is_price_ambiguous
