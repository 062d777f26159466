with snapshots as (

    select * from {{ source('raw', 'batch_jobs') }}

),

parsed as (

    select
        *,
        {{ json_texts(json_or_null('job'), [
            '$.status',
            '$.model',
            '$.total_requests',
            '$.succeeded_requests',
            '$.failed_requests',
            '$.created_at',
            '$.completed_at',
        ]) }} as texts
    from snapshots

)

select
    ---------- ids
    job_id,
    shard_id,

    ---------- the job
    {{ list_item('texts', 1) }} as status,
    -- a status that the contract doesn't list is an end when the job says since when
    coalesce(
        {{ list_item('texts', 1) }} in ('SUCCESS', 'FAILED', 'TIMEOUT_EXCEEDED', 'CANCELLED')
        or (
            {{ list_item('texts', 1) }} not in ('QUEUED', 'RUNNING', 'CANCELLATION_REQUESTED')
            and try_cast({{ list_item('texts', 7) }} as bigint) > 0
        ),
        false
    ) as is_terminal,
    {{ list_item('texts', 2) }} as model,
    try_cast({{ list_item('texts', 3) }} as bigint) as total_requests,
    try_cast({{ list_item('texts', 4) }} as bigint) as succeeded_requests,
    try_cast({{ list_item('texts', 5) }} as bigint) as failed_requests,
    {{ unix_to_timestamp('try_cast(' ~ list_item('texts', 6) ~ ' as bigint)') }} as created_at,
    {{ unix_to_timestamp('try_cast(' ~ list_item('texts', 7) ~ ' as bigint)') }} as completed_at,

    ---------- when
    fetched_at
from parsed
