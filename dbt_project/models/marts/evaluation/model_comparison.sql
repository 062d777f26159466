-- One row per model and question and every other one that answered some of the same receipts: the quality of
-- the first on the receipts that both answered, by each one's last answer.
with answers as (

    select
        *,
        row_number() over (
            partition by receipt_id, model, prompt_id
            order by
                case when status in ('extracted', 'empty', 'truncated') then 0 else 1 end asc,
                attempt desc,
                answer_id asc
        ) as answer_rank
    from {{ ref('answer_quality') }}
    where status not in ('pending', 'missing') and model is not null

),

last_answers as (

    select
        *,
        coalesce(prompt_id, 'unknown') as prompt_key
    from answers
    where answer_rank = 1

),

paired as (

    select
        last_answers.*,
        others.model as other_model,
        others.prompt_key as other_prompt_id
    from last_answers
    inner join last_answers as others
        on
            last_answers.receipt_id = others.receipt_id
            and (last_answers.model <> others.model or last_answers.prompt_key <> others.prompt_key)

)

select
    model,
    prompt_key as prompt_id,
    other_model,
    other_prompt_id,
    {{ quality_measures() }}
from paired
group by model, prompt_key, other_model, other_prompt_id
