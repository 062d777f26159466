-- One row per currency and symbol or code by which receipts name it, those that it shares with many others among them
with currencies as (

    select
        currency,
        concat(symbols, ' ', coalesce(shared_symbol, '')) as symbols
    from {{ ref('currencies') }}

),

unnested as (

    {{ select_unnested('currencies', ['currency'], "split(symbols, ' ')") | indent(4) }}

)

select distinct
    element as symbol,
    currency
from unnested
where element <> ''
