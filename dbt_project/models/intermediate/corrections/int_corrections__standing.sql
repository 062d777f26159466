{{ config(materialized='view') }}

-- One row per correction that counts: not taken back, and the latest of its field.
with corrections as (

    select * from {{ ref('stg_loader__corrections') }}

),

taken_back as (

    select distinct value as correction_id from corrections
    where field = 'withdraw'

),

ranked as (

    select
        corrections.*,
        row_number() over (
            partition by
                corrections.receipt_id,
                -- of `same_as` and `not_same_as` one receipt the later one counts
                case when corrections.field in ('same_as', 'not_same_as') then 'link' else corrections.field end,
                -- a correction of the whole receipt is one, whichever answer was in sight
                case when corrections.item_number is not null then corrections.answer_id end,
                corrections.item_number,
                case when corrections.field in ('same_as', 'not_same_as') then corrections.value end
            order by corrections.corrected_at desc, corrections.correction_id desc
        ) as correction_rank
    from corrections
    left join taken_back on corrections.correction_id = taken_back.correction_id
    where corrections.field <> 'withdraw' and taken_back.correction_id is null

)

select
    correction_id,
    receipt_id,
    answer_id,
    item_number,
    field,
    value,
    reason,
    corrected_by,
    corrected_at
from ranked
where correction_rank = 1
