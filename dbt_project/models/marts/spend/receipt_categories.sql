-- One row per receipt and category: what each receipt was spent on.
with items as (

    select * from {{ ref('receipt_items') }}

)

select
    receipt_id,
    source,
    source_key,
    merchant,
    purchased_on,
    currency,
    category,
    count(*) as item_count,
    cast(sum(price) as decimal(18, 3)) as spend
from items
group by receipt_id, source, source_key, merchant, purchased_on, currency, category
