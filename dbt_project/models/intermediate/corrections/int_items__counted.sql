{{ config(materialized='view') }}

-- One row per item of what counts of a receipt, kept or not: as read, or as people left it.
{% set columns = [
    'answer_id', 'item_number', 'name', 'price_raw', 'currency', 'price', 'is_price_ambiguous', 'reason', 'category_raw',
    'category', 'category_rule',
] %}
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
    {% for column in columns -%}
        items.{{ column }},
    {% endfor -%}
    md5(concat(items.answer_id, ':', items.item_number)) as receipt_item_id,
    false as is_added,
    false as is_corrected
from items
inner join answers on items.answer_id = answers.answer_id
where not answers.is_corrected

union all

select
    receipt_id,
    {% for column in columns -%}
        {{ column }},
    {% endfor -%}
    md5(concat(case when is_added then concat('added:', receipt_id) else answer_id end, ':', item_number))
        as receipt_item_id,
    is_added,
    is_corrected
from corrected
