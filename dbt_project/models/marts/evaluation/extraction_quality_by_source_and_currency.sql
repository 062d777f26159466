-- One row per model, question, source and currency: where its answers are good, all attempts taken together.
with answers as (

    select * from {{ ref('answer_quality') }}

)

select
    coalesce(model, 'unknown') as model,
    coalesce(prompt_id, 'unknown') as prompt_id,
    coalesce(source, 'unknown') as source,
    currency,
    {{ quality_measures() }}
from answers
group by coalesce(model, 'unknown'), coalesce(prompt_id, 'unknown'), coalesce(source, 'unknown'), currency
