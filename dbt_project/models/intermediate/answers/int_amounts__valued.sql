with amounts as (

    select * from {{ ref('int_output_lines__unnested_to_amounts') }}

),

answers as (

    select * from {{ ref('int_answers__described') }}

),

prices as (

    select * from {{ ref('int_prices__parsed') }}

),

valued as (

    select
        answers.answer_id,
        answers.document_type = 'refund' as is_refund,
        amounts.kind,
        amounts.position,
        amounts.price_raw,
        prices.amount,
        prices.reason
    from amounts
    inner join answers on amounts.line_id = answers.line_id
    left join prices
        on
            amounts.price_raw = prices.literal
            and amounts.is_price_number = prices.is_number
            and answers.currency = prices.currency

),

refunds as (

    -- whose total has no sign
    select distinct answer_id from valued
    where is_refund and kind = 'total' and amount > 0

)

-- what a refund prints without a sign is given back; a rounding, which may have either sign, turns with the total
select
    valued.answer_id,
    valued.kind,
    valued.position,
    valued.price_raw,
    cast(
        case
            when valued.kind = 'rounding' and refunds.answer_id is not null then 0 - valued.amount
            when valued.kind <> 'rounding' and valued.is_refund and valued.amount > 0 then 0 - valued.amount
            else valued.amount
        end as decimal(18, 3)
    ) as amount,
    valued.reason
from valued
left join refunds on valued.answer_id = refunds.answer_id
