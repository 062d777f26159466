-- One row per distinct receipt: what its current answer says, else where its latest answer stands.
with receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}

),

items as (

    select * from {{ ref('receipt_items') }}

),

repeated as (

    select * from {{ ref('int_receipts__repeated') }}
    where is_certain

),

attempts as (

    select
        receipt_id,
        cast(sum(prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(completion_tokens) as bigint) as completion_tokens,
        cast(sum(cost_usd) as decimal(18, 8)) as cost_usd
    from answers
    where receipt_id is not null
    group by receipt_id

),

spending as (

    select
        receipt_id,
        count(*) as item_count,
        sum(price) as spend
    from items
    group by receipt_id

),

best_answers as (

    select * from {{ ref('int_answers__counted') }}

),

joined as (

    select
        receipts.receipt_id,
        receipts.source,
        receipts.source_key,
        best_answers.merchant,
        best_answers.purchased_on,
        best_answers.purchased_at,
        best_answers.receipt_number,
        best_answers.payment_method,
        coalesce(
            best_answers.currency, receipts.currency, receipts.default_currency, {{ unknown_currency() }}
        ) as currency,
        coalesce(
            repeated.status,
            best_answers.status,
            case when receipts.rejected_reason is not null then 'rejected' else 'pending' end
        ) as status,
        coalesce(spending.item_count, 0) as item_count,
        cast(
            case
                when best_answers.is_current and repeated.receipt_id is null then coalesce(spending.spend, 0)
            end as decimal(18, 3)
        ) as spend,
        best_answers.subtotal,
        best_answers.tax,
        best_answers.tip,
        best_answers.service_charge,
        best_answers.rounding,
        best_answers.total,
        coalesce(best_answers.reconciliation, 'unknown') as reconciliation,
        best_answers.unexplained,
        repeated.duplicate_of,
        coalesce(best_answers.is_corrected, false) or coalesce(repeated.is_said, false) as is_corrected,
        best_answers.model,
        attempts.prompt_tokens,
        attempts.completion_tokens,
        attempts.cost_usd,
        best_answers.requested_at,
        best_answers.answered_at
    from receipts
    left join best_answers on receipts.receipt_id = best_answers.receipt_id
    left join attempts on receipts.receipt_id = attempts.receipt_id
    left join spending on receipts.receipt_id = spending.receipt_id
    left join repeated on receipts.receipt_id = repeated.receipt_id
    where not receipts.is_set_aside

)

select
    receipt_id,
    source,
    source_key,
    merchant,
    purchased_on,
    purchased_at,
    receipt_number,
    payment_method,
    currency,
    status,
    item_count,
    spend,
    subtotal,
    tax,
    tip,
    service_charge,
    rounding,
    total,
    cast(spend - total as decimal(18, 3)) as total_difference,
    reconciliation,
    unexplained,
    duplicate_of,
    is_corrected,
    model,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    requested_at,
    answered_at
from joined
