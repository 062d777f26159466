-- One row per item of every answer, with its price in its currency and its category. What an analyst
-- corrected in category_overrides wins over the model's category; an override for one merchant over one for
-- all.

with items as (

    select * from {{ ref('int_output_lines__unnested_to_items') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}

),

prices as (

    select * from {{ ref('int_prices__parsed') }}

),

suspects as (

    select distinct line_id from items
    where named_like is not null

),

sums as (

    -- of answers in which something is called as what is no item: what the other items cost, and what is called so
    select
        items.line_id,
        max(totals.amount) as printed_total,
        coalesce(max(totals.amount), max(case when items.named_like = 'total' then prices.amount end)) as total,
        coalesce(sum(case when items.named_like is null then prices.amount end), 0) as goods,
        coalesce(sum(case when items.named_like = 'tax' then prices.amount end), 0) as taxes
    from items
    inner join answers on items.line_id = answers.line_id
    inner join suspects on items.line_id = suspects.line_id
    left join prices
        on
            items.price_raw = prices.literal
            and items.is_price_number = prices.is_number
            and answers.currency = prices.currency
    left join prices as totals
        on
            answers.total_raw = totals.literal
            and answers.is_total_number = totals.is_number
            and answers.currency = totals.currency
    group by items.line_id

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

    ---------- the item
    keyed.name,
    keyed.price_raw,
    answers.currency,
    prices.amount as price,
    coalesce(prices.is_ambiguous, false) as is_price_ambiguous,
    case
        when not keyed.is_item then 'not an item'
        when keyed.price_raw is null then 'no price'
        when prices.reason is not null then prices.reason
        -- called as what is no item, and the sums agree: it is the total or one on the way to it, or the other items
        -- (with the taxes or without) come to the total
        when
            keyed.named_like = 'total'
            and prices.amount in (sums.printed_total, nullif(sums.goods, 0), nullif(sums.goods + sums.taxes, 0))
            then 'not an item'
        when
            keyed.named_like is not null
            and sums.goods <> 0
            and sums.total in (prices.amount, sums.goods, sums.goods + sums.taxes)
            then 'not an item'
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
left join sums on keyed.line_id = sums.line_id
left join categories on keyed.category_key = categories.category_key
left join overrides as name_overrides
    on keyed.name_key = name_overrides.name_key and name_overrides.merchant_key is null
left join overrides as merchant_overrides
    on
        keyed.name_key = merchant_overrides.name_key
        and lower({{ regexp_replace_all('answers.merchant', '\\s+', ' ') }}) = merchant_overrides.merchant_key
