-- One row per word that names several currencies, in lower case, and currency that it may mean: `$`, `kr`, `rs.`.
with symbols as (

    select * from {{ ref('int_currencies__symbols') }}

),

words as (

    select * from {{ ref('int_currencies__words') }}

)

select distinct
    words.word,
    symbols.currency
from words
inner join symbols on words.word = lower(symbols.symbol)
where words.currency is null
