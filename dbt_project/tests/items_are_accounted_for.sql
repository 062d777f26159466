-- Every item of every answer is kept, rejected, in an answer that is not the current one, or of a receipt that is set
-- aside: none is lost silently. Those that people added are in no answer.
with answers as (

    select * from {{ ref('answers') }}

),

added as (

    select receipt_item_id from {{ ref('int_items__counted') }}
    where is_added

),

kept as (

    select
        items.answer_id,
        count(*) as kept_count
    from {{ ref('receipt_items') }} as items
    left join added on items.receipt_item_id = added.receipt_item_id
    where added.receipt_item_id is null
    group by items.answer_id

),

rejected as (

    select
        answer_id,
        count(*) as rejected_count
    from {{ ref('rejected_items') }}
    where item_number is not null
    group by answer_id

),

repeated as (

    select receipt_id from {{ ref('int_receipts__repeated') }}
    where is_certain

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
left join repeated on answers.receipt_id = repeated.receipt_id
where
    coalesce(kept.kept_count, 0) + coalesce(rejected.rejected_count, 0)
    <> case when answers.is_current and repeated.receipt_id is null then answers.item_count else 0 end
