-- One row per item of a receipt's current answer that is kept out of receipt_items, and per amount of a receipt as a
-- whole that cannot be read (its name is what it is, and it has no item_number).
with items as (

    select * from {{ ref('int_items__counted') }}
    where not is_added

),

amounts as (

    select * from {{ ref('int_amounts__valued') }}
    where reason is not null

),

set_right as (

    select
        receipt_id,
        field
    from {{ ref('int_corrections__standing') }}

),

kept_out as (

    select
        answer_id,
        item_number,
        name,
        price_raw,
        category_raw,
        reason
    from items
    where reason is not null

    union all

    select
        answer_id,
        cast(null as bigint) as item_number,
        kind as name,
        price_raw,
        cast(null as string) as category_raw,
        reason
    from amounts

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
    kept_out.answer_id,
    current_answers.custom_id,
    current_answers.receipt_id,
    receipts.source,
    current_answers.currency,
    current_answers.model,
    kept_out.item_number,
    kept_out.name,
    kept_out.price_raw,
    kept_out.category_raw,
    kept_out.reason
from kept_out
inner join current_answers on kept_out.answer_id = current_answers.answer_id
left join receipts on current_answers.receipt_id = receipts.receipt_id
left join repeated on current_answers.receipt_id = repeated.receipt_id
left join set_right
    on
        current_answers.receipt_id = set_right.receipt_id
        and kept_out.name = set_right.field
        and kept_out.item_number is null
where repeated.receipt_id is null and set_right.receipt_id is null
