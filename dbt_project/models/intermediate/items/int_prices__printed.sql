{{ config(materialized='view') }}

-- One row per price literal and currency that occur together, in answers, their totals and labels.
with items as (

    select * from {{ ref('int_output_lines__unnested_to_items') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}

),

labels as (

    select * from {{ ref('int_labels__unnested_to_items') }}

)

select
    items.price_raw as literal,
    items.is_price_number as is_number,
    answers.currency
from items
inner join answers on items.line_id = answers.line_id
where items.price_raw is not null

union

select
    total_raw as literal,
    is_total_number as is_number,
    currency
from answers
where total_raw is not null

union

select
    labels.price_raw as literal,
    labels.is_price_number as is_number,
    answers.currency
from labels
inner join answers on labels.receipt_id = answers.receipt_id
where labels.price_raw is not null
