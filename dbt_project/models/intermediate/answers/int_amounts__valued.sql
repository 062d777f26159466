with amounts as (

    select * from {{ ref('int_output_lines__unnested_to_amounts') }}

),

answers as (

    select * from {{ ref('int_answers__described') }}

),

prices as (

    select * from {{ ref('int_prices__parsed') }}

)

select
    answers.answer_id,
    amounts.kind,
    amounts.position,
    amounts.price_raw,
    {{ signed_amount('prices.amount', 'answers.document_type') }} as amount,
    prices.reason
from amounts
inner join answers on amounts.line_id = answers.line_id
left join prices
    on
        amounts.price_raw = prices.literal
        and amounts.is_price_number = prices.is_number
        and answers.currency = prices.currency
