-- One row per request attempt: what is good and bad about its answer, also when it is not the current one.
with answers as (

    select * from {{ ref('int_answers__ranked') }}
    where receipt_id is not null

),

items as (

    select * from {{ ref('int_items__valued') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

scores as (

    select * from {{ ref('int_answers__scored_against_labels') }}

),

counted as (

    select
        answer_id,
        count(case when reason is null then 1 end) as kept_item_count,
        count(reason) as rejected_item_count,
        count(case when reason = 'implausible' then 1 end) as implausible_item_count,
        count(case when reason is null and is_price_ambiguous then 1 end) as ambiguous_item_count,
        count(case when reason is null and category = {{ other_category() }} then 1 end) as other_item_count,
        count(case when reason is null and category_rule = 'fallback' then 1 end)
            as unknown_category_item_count,
        sum(price) as spend
    from items
    group by answer_id

),

joined as (

    select
        answers.answer_id,
        answers.receipt_id,
        receipts.source,
        answers.model,
        answers.prompt_id,
        answers.attempt,
        answers.status,
        answers.is_current,
        answers.item_count,
        coalesce(counted.kept_item_count, 0) as kept_item_count,
        coalesce(counted.rejected_item_count, 0) as rejected_item_count,
        coalesce(counted.implausible_item_count, 0) as implausible_item_count,
        coalesce(counted.ambiguous_item_count, 0) as ambiguous_item_count,
        coalesce(counted.other_item_count, 0) as other_item_count,
        coalesce(counted.unknown_category_item_count, 0) as unknown_category_item_count,
        answers.currency,
        cast(
            case
                when answers.status in ('extracted', 'empty', 'truncated') then coalesce(counted.spend, 0)
            end
            as decimal(18, 3)
        ) as spend,
        answers.total,
        answers.reconciliation,
        scores.label_item_count,
        scores.matched_item_count,
        scores.matched_price_count,
        answers.prompt_tokens,
        answers.completion_tokens,
        answers.cost_usd
    from answers
    left join counted on answers.answer_id = counted.answer_id
    left join receipts on answers.receipt_id = receipts.receipt_id
    left join scores on answers.answer_id = scores.answer_id

)

select
    answer_id,
    receipt_id,
    source,
    model,
    prompt_id,
    attempt,
    status,
    is_current,
    item_count,
    kept_item_count,
    rejected_item_count,
    implausible_item_count,
    ambiguous_item_count,
    other_item_count,
    unknown_category_item_count,
    currency,
    spend,
    total,
    reconciliation,
    -- null where nothing can be said
    case when reconciliation <> 'unknown' then reconciliation = 'balanced' end as is_balanced,
    label_item_count,
    matched_item_count,
    matched_price_count,
    prompt_tokens,
    completion_tokens,
    cost_usd
from joined
