-- One row per item of a receipt's current answer.
with items as (

    select * from {{ ref('int_items__counted') }}

),

current_answers as (

    select * from {{ ref('int_answers__counted') }}
    where is_current

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

repeated as (

    select * from {{ ref('int_receipts__repeated') }}
    where is_certain

)

select
    items.receipt_item_id,
    current_answers.receipt_id,
    items.answer_id,
    current_answers.custom_id,
    receipts.source,
    receipts.source_key,
    current_answers.merchant,
    current_answers.purchased_on,
    items.item_number,
    items.name,
    items.price,
    items.price_raw,
    items.currency,
    items.category,
    items.category_raw,
    items.price < 0 as is_credit,
    items.is_price_ambiguous,
    current_answers.status = 'truncated' and not items.is_added as is_salvaged,
    items.is_corrected,
    current_answers.model,
    current_answers.answered_at,
    items.category_rule,
    current_answers.reconciliation = 'balanced' as is_proven
from items
inner join current_answers on items.receipt_id = current_answers.receipt_id
left join receipts on current_answers.receipt_id = receipts.receipt_id
left join repeated on current_answers.receipt_id = repeated.receipt_id
where items.reason is null and repeated.receipt_id is null
