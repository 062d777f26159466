{{ config(materialized='view') }}

-- One row per item that an answer lists, with its price in its currency, signed as printed, and its category.
with answers as (

    select * from {{ ref('int_answers__described') }}

),

lines as (

    select
        line_id,
        items
    from {{ ref('int_output_lines__read') }}

),

prices as (

    select * from {{ ref('int_prices__parsed') }}

),

categories as (

    select
        category,
        lower({{ regexp_replace_all('category', '\\s+', '') }}) as category_key
    from {{ ref('categories') }}

),

overrides as (

    select * from {{ ref('int_category_overrides__keyed') }}

),

---------- what the answers list

lists as (

    select
        answers.answer_id,
        answers.currency,
        answers.document_type,
        lower({{ regexp_replace_all('answers.merchant', '\\s+', ' ') }}) as merchant_key,
        lines.items
    from answers
    inner join lines on answers.line_id = lines.line_id

),

unnested as (

    {{ select_unnested('lists', ['answer_id', 'currency', 'document_type', 'merchant_key'], 'items') | indent(4) }}

),

items as (

    -- no BI tool takes a NUL in a text
    select
        answer_id,
        currency,
        document_type,
        merchant_key,
        position as item_number,
        nullif(trim(replace(element.name, chr(0), '')), '') as name,
        replace(element.price, chr(0), '') as price_text,
        replace(element.classification, chr(0), '') as category_raw,
        coalesce(element.name, element.price, element.classification) is not null as is_item
    from unnested

),

named as (

    -- what analysts corrected in category_overrides is found by the name, without regard to case and runs of spaces
    select
        *,
        {{ as_written('price_text') }} as price_raw,
        coalesce({{ was_number('price_text') }}, false) as is_price_number,
        lower({{ regexp_replace_all('category_raw', '\\s+', '') }}) as category_key,
        lower({{ regexp_replace_all('name', '\\s+', ' ') }}) as name_key,
        {{ letters_of('name') }} as name_letters
    from items

)

select
    ---------- ids
    named.answer_id,
    named.item_number,

    ---------- the item
    named.name,
    {{ named_like('named.name_letters') }} as named_like,
    named.document_type,
    named.is_item and coalesce(named.document_type <> 'card_slip', true) as is_item,

    ---------- its price
    named.price_raw,
    named.currency,
    prices.amount as price,
    coalesce(prices.is_ambiguous, false) as is_price_ambiguous,
    prices.reason as price_reason,

    ---------- its category: an override for one merchant wins over one for all, and that over the model's
    named.category_raw,
    coalesce(
        merchant_overrides.category, name_overrides.category, categories.category, {{ other_category() }}
    ) as category,
    case
        when coalesce(merchant_overrides.category, name_overrides.category) is not null then 'override'
        when categories.category is not null then 'model'
        else 'fallback'
    end as category_rule
from named
left join prices
    on
        named.price_raw = prices.literal
        and named.is_price_number = prices.is_number
        and named.currency = prices.currency
left join categories on named.category_key = categories.category_key
left join overrides as name_overrides
    on named.name_key = name_overrides.name_key and name_overrides.merchant_key is null
left join overrides as merchant_overrides
    on named.name_key = merchant_overrides.name_key and named.merchant_key = merchant_overrides.merchant_key
