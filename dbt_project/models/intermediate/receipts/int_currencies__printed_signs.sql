-- One row per currency and sign that may stand for it beside a price: none, one of its own, or two (SGD$).
with currencies as (

    select * from {{ ref('currencies') }}

),

own_signs as (

    select
        currency,
        {{ sign_key('symbol') }} as sign
    from {{ ref('int_currencies__symbols') }}

    union

    -- a dollar sign is everybody's
    select
        currency,
        '$' as sign
    from currencies

    union

    select
        currency,
        '' as sign
    from currencies

),

pairs as (

    select
        first_signs.currency,
        {{ sign_key('concat(first_signs.sign, second_signs.sign)') }} as sign
    from own_signs as first_signs
    inner join own_signs as second_signs on first_signs.currency = second_signs.currency

),

signs as (

    select * from pairs

    union

    -- what is unknown may have any
    select
        {{ unknown_currency() }} as currency,
        sign
    from pairs

)

select
    currency,
    sign,
    -- behind a figure a bare letter is its own currency's or none, and K and M are thousands and millions
    {{ regexp_first('sign', '^[A-Za-z]$') }} = ''
    or (currency <> {{ unknown_currency() }} and sign not in ('K', 'M')) as may_follow
from signs
