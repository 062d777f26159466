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

prices as (

    select * from {{ ref('int_prices__parsed') }}

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

    select * from answers
    where receipt_id is not null and receipt_rank = 1

),

joined as (

    select
        receipts.receipt_id,
        receipts.source,
        receipts.source_key,
        best_answers.merchant,
        best_answers.purchased_on,
        coalesce(best_answers.currency, receipts.currency, receipts.default_currency, 'XXX') as currency,
        coalesce(
            best_answers.status,
            case when receipts.rejected_reason is not null then 'rejected' else 'pending' end
        ) as status,
        coalesce(spending.item_count, 0) as item_count,
        cast(
            case when best_answers.is_current then coalesce(spending.spend, 0) end as decimal(18, 3)
        ) as spend,
        prices.amount as total,
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
    left join prices
        on
            best_answers.total_raw = prices.literal
            and best_answers.is_total_number = prices.is_number
            and best_answers.currency = prices.currency
    where not receipts.is_set_aside

)

select
    receipt_id,
    source,
    source_key,
    merchant,
    purchased_on,
    currency,
    status,
    item_count,
    spend,
    total,
    cast(spend - total as decimal(18, 3)) as total_difference,
    model,
    prompt_tokens,
    completion_tokens,
    cost_usd,
    requested_at,
    answered_at
from joined
