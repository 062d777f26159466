-- One row per item of a receipt's current answer.
with items as (

    select * from {{ ref('int_items__valued') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

)

select
    items.receipt_item_id,
    items.receipt_id,
    items.answer_id,
    items.custom_id,
    receipts.source,
    receipts.source_key,
    items.merchant,
    items.purchased_on,
    items.item_number,
    items.name,
    items.price,
    items.price_raw,
    items.currency,
    items.category,
    items.category_raw,
    items.price < 0 as is_credit,
    items.is_price_ambiguous,
    items.is_salvaged,
    items.model,
    items.answered_at,
    items.category_rule
from items
left join receipts on items.receipt_id = receipts.receipt_id
where items.is_current and items.reason is null
