{{ config(severity="warn", store_failures=true) }}

-- Items that went to Other because the model named none of the categories.
select
    receipt_item_id,
    name,
    category_raw
from {{ ref('receipt_items') }}
where category_rule = 'fallback'
