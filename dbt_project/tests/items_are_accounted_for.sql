-- Every item of every answer is kept, rejected, or in an answer that is not the current one: none is lost silently.
with answers as (

    select * from {{ ref('answers') }}

),

kept as (

    select
        answer_id,
        count(*) as kept_count
    from {{ ref('receipt_items') }}
    group by answer_id

),

rejected as (

    select
        answer_id,
        count(*) as rejected_count
    from {{ ref('rejected_items') }}
    group by answer_id

)

select
    answers.answer_id,
    answers.is_current,
    answers.item_count,
    kept.kept_count,
    rejected.rejected_count
from answers
left join kept on answers.answer_id = kept.answer_id
left join rejected on answers.answer_id = rejected.answer_id
where
    coalesce(kept.kept_count, 0) + coalesce(rejected.rejected_count, 0)
    <> case when answers.is_current then answers.item_count else 0 end
