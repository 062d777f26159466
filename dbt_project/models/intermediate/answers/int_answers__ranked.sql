-- One row per answer, and whether it is the one that counts for its receipt.
with answers as (

    select * from {{ ref('int_answers__described') }}

),

reconciled as (

    select * from {{ ref('int_answers__reconciled') }}

),

kept_by_people as (

    -- what a person set right on an answer stays with it
    select distinct answer_id from {{ ref('int_corrections__standing') }}
    where answer_id is not null

),

ranked as (

    select
        answers.*,
        reconciled.subtotal,
        reconciled.tax,
        reconciled.tip,
        reconciled.service_charge,
        reconciled.rounding,
        reconciled.total,
        reconciled.reconciliation,
        reconciled.unexplained,
        row_number() over (
            partition by coalesce(answers.receipt_id, answers.answer_id)
            order by
                case when answers.is_good then 0 else 1 end asc,
                case when kept_by_people.answer_id is null then 1 else 0 end asc,
                case when answers.is_good and answers.model = {{ embedded_reader() }} then 1 else 0 end asc,
                case when answers.is_good and answers.status = 'truncated' then 1 else 0 end asc,
                case when reconciled.reconciliation = 'balanced' then 0 else 1 end asc,
                answers.job_created_at desc nulls last,
                answers.attempt desc nulls last,
                answers.file_id desc nulls last,
                answers.line_number desc nulls last,
                answers.answer_id asc
        ) as receipt_rank
    from answers
    inner join reconciled on answers.answer_id = reconciled.answer_id
    left join kept_by_people on answers.answer_id = kept_by_people.answer_id

)

select
    *,
    is_good and receipt_rank = 1 as is_current
from ranked
