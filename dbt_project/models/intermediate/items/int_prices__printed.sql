{{ config(materialized='view') }}

-- One row per price literal and currency that occur together, in items, the amounts of receipts and labels.
with lines as (

    select
        line_id,
        items
    from {{ ref('int_output_lines__read') }}

),

answers as (

    select * from {{ ref('int_answers__described') }}

),

amounts as (

    select * from {{ ref('int_output_lines__unnested_to_amounts') }}

),

labels as (

    select * from {{ ref('int_labels__unnested_to_items') }}

),

lists as (

    select
        answers.currency,
        lines.items
    from answers
    inner join lines on answers.line_id = lines.line_id

),

unnested as (

    {{ select_unnested('lists', ['currency'], 'items') | indent(4) }}

),

items as (

    -- each text once, before it is looked at
    select distinct
        replace(element.price, chr(0), '') as price_text,
        currency
    from unnested
    where element.price is not null

)

select
    {{ as_written('price_text') }} as literal,
    {{ was_number('price_text') }} as is_number,
    currency
from items

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
