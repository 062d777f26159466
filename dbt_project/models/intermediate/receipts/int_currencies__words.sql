-- One row per word by which receipts name a currency, in lower case, with the currency if it names one alone.
with currencies as (

    select * from {{ ref('currencies') }}
    where currency <> {{ unknown_currency() }}

),

symbols as (

    select * from {{ ref('int_currencies__symbols') }}
    where currency <> {{ unknown_currency() }}

),

words as (

    -- a code is no other currency's symbol
    select
        lower(currency) as word,
        currency
    from currencies

    union

    select
        lower(symbols.symbol) as word,
        symbols.currency
    from symbols
    left join currencies on lower(symbols.symbol) = lower(currencies.currency)
    where currencies.currency is null

)

select
    word,
    case when count(*) = 1 then min(currency) end as currency
from words
group by word
