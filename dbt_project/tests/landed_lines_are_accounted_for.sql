-- Every landed line is read once, and is in one answer unless its job asked for nothing but samples set aside.
with landed as (

    select
        line_id,
        job_id
    from {{ ref('stg_mistral__batch_output') }}

),

lines_read as (

    select line_id from {{ ref('int_output_lines__read') }}

),

answers as (

    select line_id from {{ ref('int_answers__ranked') }}

),

jobs as (

    select * from {{ ref('int_batch_jobs__latest') }}

),

shards_kept as (

    select distinct requests.shard_id
    from {{ ref('stg_loader__batch_requests') }} as requests
    left join {{ ref('int_receipts__latest') }} as receipts
        on requests.receipt_id = receipts.receipt_id
    where not coalesce(receipts.is_set_aside, false)

),

shards as (

    select distinct shard_id from {{ ref('stg_loader__batch_requests') }}

)

select landed.*
from landed
left join lines_read on landed.line_id = lines_read.line_id
left join answers on landed.line_id = answers.line_id
left join jobs on landed.job_id = jobs.job_id
left join shards on jobs.shard_id = shards.shard_id
left join shards_kept on jobs.shard_id = shards_kept.shard_id
where
    lines_read.line_id is null
    or (answers.line_id is null and (shards.shard_id is null or shards_kept.shard_id is not null))
