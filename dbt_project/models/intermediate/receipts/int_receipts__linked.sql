-- One row per pair of receipts of which people say that they are one, or that they are two.
with corrections as (

    select * from {{ ref('int_corrections__standing') }}

),

no_receipts as (

    select receipt_id from corrections
    where field = 'not_a_receipt'

),

receipts as (

    select receipts.receipt_id
    from {{ ref('int_receipts__latest') }} as receipts
    left join no_receipts on receipts.receipt_id = no_receipts.receipt_id
    where not receipts.is_set_aside and no_receipts.receipt_id is null

),

answers as (

    select * from {{ ref('int_answers__counted') }}
    where is_current

),

replaced as (

    select * from {{ ref('int_receipts__replaced') }}
    where is_certain

)

select distinct
    corrections.receipt_id,
    -- to be one with another takes another that counts, or the one that counts instead of it
    coalesce(replaced.instead_id, corrections.value) as other_id,
    corrections.field = 'same_as' as is_same
from corrections
inner join receipts on corrections.value = receipts.receipt_id
left join answers on corrections.value = answers.receipt_id
left join replaced on corrections.value = replaced.receipt_id
left join answers as later_answers on replaced.instead_id = later_answers.receipt_id
where
    corrections.field = 'not_same_as'
    or (
        corrections.field = 'same_as'
        and case when replaced.receipt_id is null then answers.receipt_id else later_answers.receipt_id end is not null
    )
