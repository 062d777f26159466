{{ config(materialized='view') }}

-- One row per item of every answer, with its price in its currency, or why it is kept out.
with items as (

    select * from {{ ref('int_output_lines__unnested_to_items') }}

),

answers as (

    select * from {{ ref('int_answers__described') }}

),

amounts as (

    select * from {{ ref('int_amounts__valued') }}
    where reason is null

),

prices as (

    select * from {{ ref('int_prices__parsed') }}

),

priced as (

    select
        answers.answer_id,
        answers.merchant,
        answers.currency,
        answers.document_type,
        items.*,
        {{ signed_amount('prices.amount', 'answers.document_type') }} as price,
        prices.is_ambiguous,
        prices.reason as price_reason
    from items
    inner join answers on items.line_id = answers.line_id
    left join prices
        on
            items.price_raw = prices.literal
            and items.is_price_number = prices.is_number
            and answers.currency = prices.currency

),

printed as (

    select
        answer_id,
        max(case when kind = 'subtotal' then amount end) as subtotal,
        max(case when kind = 'total' then amount end) as total
    from amounts
    group by answer_id

),

---------- what is called as what is no item

suspects as (

    select distinct answer_id from priced
    where named_like is not null

),

sums as (

    -- of the answers in which something is: what the other items cost, and what is called so
    select
        priced.answer_id,
        max(printed.total) as printed_total,
        coalesce(max(printed.total), max(case when priced.named_like = 'total' then priced.price end)) as total,
        coalesce(sum(case when priced.named_like is null then priced.price end), 0) as goods,
        coalesce(sum(case when priced.named_like = 'tax' then priced.price end), 0) as taxes
    from priced
    inner join suspects on priced.answer_id = suspects.answer_id
    left join printed on priced.answer_id = printed.answer_id
    group by priced.answer_id

),

named as (

    select
        priced.*,
        case
            when not priced.is_item or priced.document_type = 'card_slip' then 'not an item'
            when priced.price_raw is null then 'no price'
            when priced.price_reason is not null then priced.price_reason
            -- called as what is no item, and the sums agree: it is the total or one on the way to it, or the other
            -- items (with the taxes or without) come to the total
            when
                priced.named_like = 'total'
                and priced.price in (sums.printed_total, nullif(sums.goods, 0), nullif(sums.goods + sums.taxes, 0))
                then 'not an item'
            when
                priced.named_like is not null
                and sums.goods <> 0
                and sums.total in (priced.price, sums.goods, sums.goods + sums.taxes)
                then 'not an item'
        end as reason
    from priced
    left join sums on priced.answer_id = sums.answer_id

),

---------- what costs as much as a printed tax, tip or service charge

charges as (

    select
        answer_id,
        amount,
        count(*) as printed_count
    from amounts
    where kind in ('tax', 'tip', 'service_charge') and amount <> 0
    group by answer_id, amount

),

like_charges as (

    -- of several items that cost so, those that are called so, then the last
    select
        named.answer_id,
        named.item_number,
        named.price,
        charges.printed_count,
        row_number() over (
            partition by named.answer_id, named.price
            order by case when named.named_like is null then 1 else 0 end, named.item_number desc
        ) as price_rank
    from named
    inner join charges on named.answer_id = charges.answer_id and named.price = charges.amount
    where named.reason is null

),

with_charges as (

    select distinct answer_id from like_charges

),

spending as (

    select
        named.answer_id,
        sum(named.price) as spend
    from named
    inner join with_charges on named.answer_id = with_charges.answer_id
    where named.reason is null
    group by named.answer_id

),

proven_charges as (

    -- they are charges when the other items come to the subtotal: without it alone, or without all of them
    select
        like_charges.answer_id,
        like_charges.item_number,
        spending.spend - printed.subtotal as over_subtotal,
        like_charges.price,
        like_charges.price_rank,
        sum(like_charges.price) over (partition by like_charges.answer_id) as all_of_them
    from like_charges
    inner join spending on like_charges.answer_id = spending.answer_id
    inner join printed on like_charges.answer_id = printed.answer_id
    where like_charges.price_rank <= like_charges.printed_count

)

select
    named.answer_id,
    named.merchant,
    named.currency,
    named.item_number,
    named.name,
    named.price_raw,
    named.price,
    coalesce(named.is_ambiguous, false) as is_price_ambiguous,
    case when proven_charges.answer_id is not null then 'not an item' else named.reason end as reason,
    named.category_raw
from named
left join proven_charges
    on
        named.answer_id = proven_charges.answer_id
        and named.item_number = proven_charges.item_number
        and (
            proven_charges.over_subtotal = proven_charges.all_of_them
            or (proven_charges.over_subtotal = proven_charges.price and proven_charges.price_rank = 1)
        )
