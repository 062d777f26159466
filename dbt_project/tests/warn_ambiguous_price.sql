{{ config(severity="warn", store_failures=true) }}

-- Prices that could mean two amounts: three digits behind one mark, in a currency of two decimals or an unknown one.
select
    receipt_item_id,
    name,
    price_raw,
    price
from {{ ref('receipt_items') }}
where is_price_ambiguous
