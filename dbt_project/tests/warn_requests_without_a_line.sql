{{ config(severity="warn", store_failures=true) }}

-- Requests whose job has ended without a line for them: load again, they are asked once more.
select
    answer_id,
    custom_id,
    job_id,
    attempt
from {{ ref('answers') }}
where status = 'missing'
