-- One row per item of every answer, with its price in its currency and its category.
with items as (

    select * from {{ ref('int_output_lines__unnested_to_items') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}

),

prices as (

    select * from {{ ref('int_prices__read') }}

),

categories as (

    select * from {{ ref('categories') }}

)

select
    md5(concat(answers.answer_id, ':', items.item_number)) as receipt_item_id,
    answers.answer_id,
    answers.custom_id,
    answers.receipt_id,
    answers.is_current,
    answers.status = 'truncated' as is_salvaged,
    answers.merchant,
    answers.purchased_on,
    answers.model,
    answers.prompt_id,
    answers.answered_at,
    items.item_number,
    items.name,
    items.price_raw,
    answers.currency,
    prices.amount as price,
    coalesce(prices.is_ambiguous, false) as is_price_ambiguous,
    case
        when not items.is_item then 'not an item'
        when items.price_raw is null then 'no price'
        else prices.reason
    end as reason,
    items.category_raw,
    coalesce(categories.category, 'Other') as category
from items
inner join answers on items.line_id = answers.line_id
left join prices
    on
        items.price_raw = prices.literal
        and items.is_price_number = prices.is_number
        and answers.currency = prices.currency
left join categories
    on
        lower({{ regexp_replace_all('items.category_raw', '\\s+', '') }})
        = lower({{ regexp_replace_all('categories.category', '\\s+', '') }})
