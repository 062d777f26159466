{{ config(materialized=incremental_on_duckdb(), unique_key='receipt_id') }}

-- One row per image: the latest word of its sources on it.
with offers as (

    select * from {{ ref('stg_raw__receipts') }}
    {{ only_changed('receipt_id') }}

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
        ) as offer_rank
    from offers

),

all_offers as (

    select min(case when source = 'samples' then 1 else 0 end) as are_samples
    from {{ ref('stg_raw__receipts') }}

)

select
    ranked.receipt_id,
    ranked.source,
    ranked.source_key,
    ranked.currency,
    ranked.label,
    ranked.rejected_reason,
    ranked.load_id,
    ranked.loaded_at,
    -- the drawn samples step aside as soon as anything else has been loaded
    ranked.source = 'samples' and all_offers.are_samples = 0 as is_set_aside
from ranked
cross join all_offers
where ranked.offer_rank = 1
