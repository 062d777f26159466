-- One row per model and question: how good its answers are and what they cost, all attempts taken together.
with answers as (

    select * from {{ ref('answer_quality') }}

)

select
    coalesce(model, 'unknown') as model,
    coalesce(prompt_id, 'unknown') as prompt_id,
    {{ quality_measures() }}
from answers
group by coalesce(model, 'unknown'), coalesce(prompt_id, 'unknown')
