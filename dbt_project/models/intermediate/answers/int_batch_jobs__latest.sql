-- One row per job: its last known state. A job that has ended stays ended, whatever clock noted it.
with snapshots as (

    select * from {{ ref('stg_mistral__batch_jobs') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by job_id
            order by
                case when is_terminal then 0 else 1 end asc,
                fetched_at desc,
                status asc nulls last
        ) as snapshot_rank
    from snapshots

)

select
    job_id,
    shard_id,
    status,
    is_terminal,
    model,
    total_requests,
    succeeded_requests,
    failed_requests,
    created_at,
    completed_at,
    fetched_at
from ranked
where snapshot_rank = 1
