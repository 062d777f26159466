with corrections as (

    select * from {{ source('raw', 'corrections') }}

)

select
    ---------- ids
    correction_id,
    receipt_id,
    answer_id,
    item_number,

    ---------- what is set right
    field,
    value,
    reason,

    ---------- who and when
    corrected_by,
    corrected_at
from corrections
