-- One row per item of every answer, with its price in its currency and its category. What an analyst
-- corrected in category_overrides wins over the model's category; an override for one merchant over one for
-- all.
with items as (

    select * from {{ ref('int_items__priced') }}

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
    keyed.answer_id,
    keyed.item_number,

    ---------- the item
    keyed.name,
    keyed.price_raw,
    keyed.currency,
    keyed.price,
    keyed.is_price_ambiguous,
    keyed.reason,

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
left join categories on keyed.category_key = categories.category_key
left join overrides as name_overrides
    on keyed.name_key = name_overrides.name_key and name_overrides.merchant_key is null
left join overrides as merchant_overrides
    on
        keyed.name_key = merchant_overrides.name_key
        and lower({{ regexp_replace_all('keyed.merchant', '\\s+', ' ') }}) = merchant_overrides.merchant_key
