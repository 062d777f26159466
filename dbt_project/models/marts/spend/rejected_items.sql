-- One row per item of a receipt's current answer that is kept out of receipt_items.
with items as (

    select * from {{ ref('int_items__valued') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

)

select
    items.answer_id,
    items.custom_id,
    items.receipt_id,
    receipts.source,
    items.currency,
    items.model,
    items.item_number,
    items.name,
    items.price_raw,
    items.category_raw,
    items.reason
from items
left join receipts on items.receipt_id = receipts.receipt_id
where items.is_current and items.reason is not null
