-- One row per request attempt, with the line that answers it if there is one, and one per landed line that
-- answers none. Results are matched by job and custom_id, never by position.
with requests as (

    select * from {{ ref('stg_loader__batch_requests') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

jobs as (

    select * from {{ ref('int_batch_jobs__latest') }}

),

lines as (

    select * from {{ ref('int_output_lines__read') }}

),

own_requests as (

    select
        requests.*,
        coalesce(receipts.is_set_aside, false) as is_set_aside
    from requests
    left join receipts on requests.receipt_id = receipts.receipt_id

),

shards as (

    -- a shard is set aside when all that it asked is
    select
        shard_id,
        min(case when is_set_aside then 1 else 0 end) = 1 as is_set_aside
    from own_requests
    group by shard_id

),

ranked_jobs as (

    select
        *,
        row_number() over (
            partition by shard_id order by created_at desc nulls last, job_id desc
        ) as shard_job_rank
    from jobs

),

candidates as (

    select
        lines.line_id,
        lines.status,
        lines.is_blank,
        lines.is_json,
        lines.custom_id,
        jobs.job_id as known_job_id,
        jobs.model as job_model,
        own_requests.answer_id,
        coalesce(own_requests.is_set_aside, shards.is_set_aside, false) as is_set_aside,
        -- a job may answer one request twice: a good line first, then the later one
        row_number() over (
            partition by coalesce(own_requests.answer_id, lines.line_id)
            order by {{ better_line('lines') | indent(16) }}
        ) as line_rank
    from lines
    left join jobs on lines.job_id = jobs.job_id
    left join shards on jobs.shard_id = shards.shard_id
    left join own_requests
        on
            jobs.shard_id = own_requests.shard_id
            and lines.custom_id = own_requests.custom_id

),

attempts as (

    select
        own_requests.answer_id,
        own_requests.custom_id,
        own_requests.receipt_id,
        coalesce(answering.known_job_id, ranked_jobs.job_id) as job_id,
        answering.line_id,
        own_requests.attempt,
        own_requests.model,
        own_requests.prompt_id,
        coalesce(
            answering.status, case when ranked_jobs.is_terminal then 'missing' else 'pending' end
        ) as status,
        cast(null as string) as unmatched_because,
        own_requests.requested_at,
        own_requests.is_set_aside
    from own_requests
    left join candidates as answering
        on own_requests.answer_id = answering.answer_id and answering.line_rank = 1
    left join ranked_jobs
        on own_requests.shard_id = ranked_jobs.shard_id and ranked_jobs.shard_job_rank = 1

),

strays as (

    select
        md5(concat('line:', lines.line_id)) as answer_id,
        lines.custom_id,
        cast(null as string) as receipt_id,
        lines.job_id,
        lines.line_id,
        cast(null as integer) as attempt,
        coalesce(candidates.job_model, lines.echoed_model) as model,
        cast(null as string) as prompt_id,
        lines.status,
        case
            when lines.is_blank then 'blank line'
            when not lines.is_json then 'line is not JSON'
            when lines.custom_id is null then 'no custom_id'
            when candidates.answer_id is null then 'unknown custom_id'
            else 'answered twice'
        end as unmatched_because,
        cast(null as timestamp) as requested_at,
        candidates.is_set_aside
    from candidates
    inner join lines on candidates.line_id = lines.line_id
    where candidates.answer_id is null or candidates.line_rank > 1

),

united as (

    select * from attempts

    union all

    select * from strays

)

select
    answer_id,
    custom_id,
    receipt_id,
    job_id,
    line_id,
    attempt,
    model,
    prompt_id,
    status,
    unmatched_because,
    requested_at
from united
where not is_set_aside
