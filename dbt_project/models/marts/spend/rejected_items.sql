-- One row per item of a receipt's current answer that is kept out of receipt_items.
with items as (

    select * from {{ ref('int_items__valued') }}

),

current_answers as (

    select * from {{ ref('int_answers__ranked') }}
    where is_current

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

)

select
    items.answer_id,
    current_answers.custom_id,
    current_answers.receipt_id,
    receipts.source,
    items.currency,
    current_answers.model,
    items.item_number,
    items.name,
    items.price_raw,
    items.category_raw,
    items.reason
from items
inner join current_answers on items.answer_id = current_answers.answer_id
left join receipts on current_answers.receipt_id = receipts.receipt_id
where items.reason is not null
