-- One row per symbol or code by which receipts name a currency.
with currencies as (

    select * from {{ ref('currencies') }}

),

unnested as (

    {{ select_unnested('currencies', ['currency'], "split(symbols, ' ')") | indent(4) }}

)

select
    element as symbol,
    currency
from unnested
where element <> ''
