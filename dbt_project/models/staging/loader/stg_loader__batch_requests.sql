with requests as (

    select * from {{ source('raw', 'batch_requests') }}

)

select
    ---------- ids
    md5(concat('request:', shard_id, ':', custom_id, ':', attempt)) as answer_id,
    custom_id,
    receipt_id,
    shard_id,
    attempt,
    load_id,

    ---------- the question
    model,
    prompt_id,
    max_tokens,

    ---------- when
    requested_at
from requests
