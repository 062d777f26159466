{{ config(materialized='view') }}

-- One row per receipt that has been asked about: what counts of it, as people left it where they set something right,
-- else (not is_current) its latest answer.
{% set columns = [
    'receipt_id', 'answer_id', 'custom_id', 'merchant', 'purchased_on', 'purchased_at', 'receipt_number',
    'payment_method', 'currency', 'subtotal', 'tax', 'tip', 'service_charge', 'rounding', 'total', 'reconciliation',
    'unexplained', 'status', 'model', 'requested_at', 'answered_at',
] %}
with answers as (

    select * from {{ ref('int_answers__ranked') }}
    where receipt_id is not null and receipt_rank = 1

),

corrected as (

    select * from {{ ref('int_answers__corrected') }}
    where is_current

)

select
    {% for column in columns -%}
        answers.{{ column }},
    {% endfor -%}
    answers.is_current,
    false as is_corrected
from answers
left join corrected on answers.receipt_id = corrected.receipt_id
where corrected.receipt_id is null

union all

select
    {% for column in columns -%}
        {{ column }},
    {% endfor -%}
    true as is_current,
    true as is_corrected
from corrected
