{{ config(post_hook='{{ doubt_changed_parts() }}') }}

-- One row per receipt, shard and job of which something has come since the last whole build: when anything of a receipt
-- is new, all of its answers are matched and ranked again, with the shards and jobs that they stand in.
with landed as (

    select * from {{ ref('int_parts__landed') }}

),

built as (

    {{ select_built_parts() | indent(4) }}

),

changed as (

    select
        coalesce(landed.kind, built.kind) as kind,
        coalesce(landed.part, built.part) as part,
        landed.part is null as is_gone
    from landed
    full outer join built on landed.kind = built.kind and landed.part = built.part
    where landed.row_count is distinct from built.row_count

),

reach as (

    -- a seed says how all rows are read, and where raw rows have gone nobody knows whose they were
    select
        count(case when kind = 'seed' or is_gone then 1 end) > 0 as is_everything,
        count(case when kind = 'offers' then 1 end) > 0 as are_samples_touched
    from changed

),

offers as (

    select
        receipt_id,
        source,
        {{ offers_part() }} as part
    from {{ ref('stg_raw__receipts') }}

),

requests as (

    select
        receipt_id,
        shard_id
    from {{ ref('stg_raw__batch_requests') }}

),

jobs as (

    select
        job_id,
        shard_id
    from {{ ref('int_batch_jobs__latest') }}

),

files as (

    select distinct
        file_id,
        job_id
    from {{ ref('int_output_lines__read') }}

),

jobs_of_changed_parts as (

    select part as job_id from changed
    where kind = 'jobs'

    union

    select files.job_id
    from files
    inner join changed on changed.kind = 'lines' and files.file_id = changed.part

),

shards_of_changed_parts as (

    select part as shard_id from changed
    where kind = 'requests'

    union

    select jobs.shard_id
    from jobs
    inner join jobs_of_changed_parts on jobs.job_id = jobs_of_changed_parts.job_id

),

receipts as (

    -- the samples step aside as soon as anything else is offered
    select offers.receipt_id
    from offers
    cross join reach
    left join changed on changed.kind = 'offers' and offers.part = changed.part
    where
        reach.is_everything
        or changed.part is not null
        or (reach.are_samples_touched and offers.source = 'samples')

    union

    select requests.receipt_id
    from requests
    cross join reach
    left join shards_of_changed_parts on requests.shard_id = shards_of_changed_parts.shard_id
    where reach.is_everything or shards_of_changed_parts.shard_id is not null

),

shards as (

    select requests.shard_id
    from requests
    inner join receipts on requests.receipt_id = receipts.receipt_id

    union

    select shard_id from shards_of_changed_parts

),

jobs_to_rebuild as (

    select jobs.job_id
    from jobs
    inner join shards on jobs.shard_id = shards.shard_id

    union

    select job_id from jobs_of_changed_parts

    union

    select files.job_id
    from files
    cross join reach
    where reach.is_everything

)

select
    'receipt' as kind,
    receipt_id as rebuild_key
from receipts

union all

select
    'shard' as kind,
    shard_id as rebuild_key
from shards

union all

select
    'job' as kind,
    job_id as rebuild_key
from jobs_to_rebuild

union all

select
    'everything' as kind,
    'everything' as rebuild_key
from reach
where is_everything
