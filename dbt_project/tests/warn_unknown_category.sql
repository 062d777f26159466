{{ config(severity="warn", store_failures=true) }}

-- Items that went to Other because the model named none of the categories, and corrections to one that is listed no
-- more.
select
    receipt_id,
    item_number,
    name,
    category_raw,
    cast(null as string) as correction_id
from {{ ref('receipt_items') }}
where category_rule = 'fallback'

union all

select
    corrections.receipt_id,
    corrections.item_number,
    cast(null as string) as name,
    corrections.value as category_raw,
    corrections.correction_id
from {{ ref('int_corrections__standing') }} as corrections
left join {{ ref('categories') }} as categories on corrections.value = categories.category
where corrections.field = 'category' and categories.category is null
