-- One row per image: the latest word of its sources on it.
with offers as (

    select * from {{ ref('stg_raw__receipts') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by receipt_id
            order by
                case when source = 'samples' then 1 else 0 end asc,
                loaded_at desc,
                load_id desc,
                source_key asc,
                source asc
        ) as offer_rank,
        min(case when source = 'samples' then 1 else 0 end) over () as only_samples
    from offers

)

select
    receipt_id,
    source,
    source_key,
    currency,
    label,
    rejected_reason,
    load_id,
    loaded_at,
    -- the drawn samples step aside as soon as anything else has been loaded
    source = 'samples' and only_samples = 0 as is_set_aside
from ranked
where offer_rank = 1
