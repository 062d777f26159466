-- One row per job and model: what it was asked, what came back and what it cost.
with answers as (

    select * from {{ ref('int_answers__ranked') }}

),

summed as (

    select
        job_id,
        coalesce(model, 'unknown') as model,
        -- lines that belong to no request have tokens, but are no requests
        count(attempt) as request_count,
        count(case when status in ('extracted', 'empty', 'unreadable', 'truncated') then attempt end)
            as succeeded,
        count(case when status in ('failed', 'missing') then attempt end) as failed,
        cast(coalesce(sum(prompt_tokens), 0) as bigint) as prompt_tokens,
        cast(coalesce(sum(completion_tokens), 0) as bigint) as completion_tokens,
        cast(sum(cost_usd) as decimal(18, 8)) as cost_usd,
        count(distinct receipt_id) as receipt_count
    from answers
    where job_id is not null
    group by job_id, coalesce(model, 'unknown')

)

select
    job_id,
    model,
    request_count,
    succeeded,
    failed,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    cast(cost_usd / nullif(receipt_count, 0) as decimal(18, 8)) as cost_per_receipt_usd
from summed
