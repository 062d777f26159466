-- One row per request attempt, and per landed line that belongs to none.
with answers as (

    select * from {{ ref('int_answers__ranked') }}

)

select
    answer_id,
    custom_id,
    receipt_id,
    job_id,
    file_id,
    line_number,
    attempt,
    model,
    prompt_id,
    status,
    finish_reason,
    is_current,
    item_count,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    requested_at,
    answered_at
from answers
