{{ config(materialized=incremental_on_duckdb(), unique_key='rebuild_key') }}

-- One row per item of every answer, with its price in its currency and its category. What an analyst
-- corrected in category_overrides wins over the model's category; an override for one merchant over one for
-- all.

with items as (

    select * from {{ ref('int_output_lines__unnested_to_items') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}
    {{ only_changed('coalesce(receipt_id, job_id)') }}

),

prices as (

    select * from {{ ref('int_prices__read') }}

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

keyed as (

    select
        *,
        lower({{ regexp_replace_all('category_raw', '\\s+', '') }}) as category_key,
        lower({{ regexp_replace_all('name', '\\s+', ' ') }}) as name_key
    from items

)

select
    ---------- ids
    answers.answer_id,
    keyed.item_number,
    coalesce(answers.receipt_id, answers.job_id) as rebuild_key,

    ---------- the item
    keyed.name,
    keyed.price_raw,
    answers.currency,
    prices.amount as price,
    coalesce(prices.is_ambiguous, false) as is_price_ambiguous,
    case
        when not keyed.is_item then 'not an item'
        when keyed.price_raw is null then 'no price'
        else prices.reason
    end as reason,

    ---------- its category
    keyed.category_raw,
    coalesce(
        merchant_overrides.category, name_overrides.category, categories.category, 'Other'
    ) as category,
    case
        when coalesce(merchant_overrides.category, name_overrides.category) is not null then 'override'
        when categories.category is not null then 'model'
        else 'fallback'
    end as category_rule
from keyed
inner join answers on keyed.line_id = answers.line_id
left join prices
    on
        keyed.price_raw = prices.literal
        and keyed.is_price_number = prices.is_number
        and answers.currency = prices.currency
left join categories on keyed.category_key = categories.category_key
left join overrides as name_overrides
    on keyed.name_key = name_overrides.name_key and name_overrides.merchant_key is null
left join overrides as merchant_overrides
    on
        keyed.name_key = merchant_overrides.name_key
        and lower({{ regexp_replace_all('answers.merchant', '\\s+', ' ') }}) = merchant_overrides.merchant_key
