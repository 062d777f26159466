{% test price_is_plausible(model, price='price', currency='currency') %}

with prices as (

    select
        {{ price }} as price,
        {{ currency }} as currency
    from {{ model }}

),

currencies as (

    select * from {{ ref('currencies') }}

)

select prices.*
from prices
left join currencies on prices.currency = currencies.currency
where
    prices.price is null
    or currencies.currency is null
    or (
        prices.price <> 0
        and abs(prices.price) not between currencies.plausible_min and currencies.plausible_max
    )

{% endtest %}
