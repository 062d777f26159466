{{ config(severity="warn", store_failures=true) }}

-- Jobs that have ended and count their answers and refusals otherwise than their lines do. A job that says SUCCESS
-- may lack lines.
with jobs as (

    select * from {{ ref('int_batch_jobs__latest') }}

),

usage as (

    select
        job_id,
        sum(request_count) as request_count,
        sum(succeeded) as succeeded,
        sum(failed) as failed
    from {{ ref('batch_usage') }}
    group by job_id

)

select
    jobs.job_id,
    jobs.status,
    jobs.total_requests,
    jobs.succeeded_requests,
    jobs.failed_requests,
    usage.request_count,
    usage.succeeded,
    usage.failed
from jobs
inner join usage on jobs.job_id = usage.job_id
where
    jobs.is_terminal
    and jobs.total_requests > 0
    and (jobs.total_requests <> usage.request_count or jobs.succeeded_requests <> usage.succeeded)
