{{ config(materialized='view') }}

-- One row per price literal and currency that occur together, in items, the amounts of receipts and labels.
with items as (

    select * from {{ ref('int_output_lines__unnested_to_items') }}

),

answers as (

    select * from {{ ref('int_answers__described') }}

),

amounts as (

    select * from {{ ref('int_output_lines__unnested_to_amounts') }}

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
    amounts.price_raw as literal,
    amounts.is_price_number as is_number,
    answers.currency
from amounts
inner join answers on amounts.line_id = answers.line_id

union

select
    labels.price_raw as literal,
    labels.is_price_number as is_number,
    answers.currency
from labels
inner join answers on labels.receipt_id = answers.receipt_id
where labels.price_raw is not null
