{% test price_is_plausible(model, price='price', currency='currency') %}

with prices as (

    select
        {{ price }} as price,
        {{ currency }} as currency
    from {{ model }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

listed as (

    select currency from currencies

)

select prices.*
from prices
left join listed on prices.currency = listed.currency
left join currencies on coalesce(listed.currency, {{ unknown_currency() }}) = currencies.currency
where
    prices.price is null
    or (
        prices.price <> 0
        and abs(prices.price) not between currencies.plausible_min and currencies.plausible_max
    )

{% endtest %}
