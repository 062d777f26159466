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
        others.prompt_key as other_prompt_id,
        -- the other's answer does not add up or was none, and this one adds up
        coalesce(last_answers.is_balanced, false) and (
            not coalesce(others.is_balanced, true)
            or others.status not in ('extracted', 'empty') or others.item_count = 0
        ) as is_mended
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
    {{ quality_measures() }},
    count(case when is_mended then 1 end) as mended_count,
    cast(sum(cost_usd) / nullif(count(case when is_mended then 1 end), 0) as decimal(18, 8)) as cost_per_mended_usd
from paired
group by model, prompt_key, other_model, other_prompt_id
