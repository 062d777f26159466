{{ config(severity="warn", store_failures=true) }}

-- Models that answered and have no price in reference.model_prices: their cost is unknown.
select
    model,
    count(*) as answer_count
from {{ ref('answers') }}
where file_id is not null and cost_usd is null
group by model
