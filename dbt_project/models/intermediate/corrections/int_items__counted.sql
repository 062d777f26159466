{{ config(materialized='view') }}

-- One row per item of what counts of a receipt, kept or not: as read, or as people left it.
with items as (

    select * from {{ ref('int_items__valued') }}

),

answers as (

    select * from {{ ref('int_answers__counted') }}
    where is_current

),

corrected as (

    select * from {{ ref('int_items__corrected') }}

)

select
    answers.receipt_id,
    items.answer_id,
    items.item_number,
    md5(concat(items.answer_id, ':', items.item_number)) as receipt_item_id,
    items.name,
    items.price_raw,
    items.currency,
    items.price,
    items.is_price_ambiguous,
    items.reason,
    items.category_raw,
    items.category,
    items.category_rule,
    false as is_added,
    false as is_corrected
from items
inner join answers on items.answer_id = answers.answer_id
where not answers.is_corrected

union all

select
    receipt_id,
    answer_id,
    item_number,
    md5(concat(case when is_added then concat('added:', receipt_id) else answer_id end, ':', item_number))
        as receipt_item_id,
    name,
    price_raw,
    currency,
    price,
    is_price_ambiguous,
    reason,
    category_raw,
    category,
    category_rule,
    is_added,
    is_corrected
from corrected
