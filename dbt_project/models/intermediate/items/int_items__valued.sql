-- One row per item that an answer lists, with its price, or why it is kept out: what is called as a total, a tax or a
-- payment, or costs as much as a printed charge, is no item where the sums say so.
with priced as (

    select * from {{ ref('int_items__priced') }}

),

amounts as (

    select * from {{ ref('int_amounts__valued') }}
    where reason is null

),

printed as (

    select
        answer_id,
        max(case when kind = 'subtotal' then amount end) as subtotal,
        max(case when kind = 'total' then amount end) as total
    from amounts
    group by answer_id

),

---------- what a refund gives back

refunds as (

    -- printed as if all were bought: what is taken off has the only signs, and counts the other way as all else
    select
        answer_id,
        sum(price) > 0 as is_printed_as_bought
    from priced
    where document_type = 'refund'
    group by answer_id

),

items as (

    select
        priced.answer_id,
        priced.item_number,
        priced.name,
        priced.named_like,
        priced.is_item,
        priced.price_raw,
        priced.currency,
        cast(
            case
                when refunds.is_printed_as_bought or (refunds.answer_id is not null and priced.price > 0)
                    then 0 - priced.price
                else priced.price
            end as decimal(18, 3)
        ) as price,
        priced.is_price_ambiguous,
        priced.price_reason,
        priced.category_raw,
        priced.category,
        priced.category_rule
    from priced
    left join refunds on priced.answer_id = refunds.answer_id

),

---------- what is called as what is no item

suspects as (

    select distinct answer_id from items
    where named_like is not null

),

sums as (

    -- of the answers in which something is: what the other items cost, and what is called so
    select
        items.answer_id,
        max(printed.total) as printed_total,
        coalesce(max(printed.total), max(case when items.named_like = 'total' then items.price end)) as total,
        coalesce(sum(case when items.named_like is null then items.price end), 0) as goods,
        coalesce(sum(case when items.named_like = 'tax' then items.price end), 0) as taxes
    from items
    inner join suspects on items.answer_id = suspects.answer_id
    left join printed on items.answer_id = printed.answer_id
    group by items.answer_id

),

named as (

    select
        items.*,
        case
            when not items.is_item then 'not an item'
            when items.price_raw is null then 'no price'
            when items.price_reason is not null then items.price_reason
            -- called as what is no item, and the sums agree: it is the total or one on the way to it, or the other
            -- items (with the taxes or without) come to the total
            when
                items.named_like = 'total'
                and items.price in (sums.printed_total, nullif(sums.goods, 0), nullif(sums.goods + sums.taxes, 0))
                then 'not an item'
            when
                items.named_like is not null
                and sums.goods <> 0
                and sums.total in (items.price, sums.goods, sums.goods + sums.taxes)
                then 'not an item'
        end as reason
    from items
    left join sums on items.answer_id = sums.answer_id

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
    ---------- ids
    named.answer_id,
    named.item_number,

    ---------- the item
    named.name,
    named.price_raw,
    named.currency,
    named.price,
    named.is_price_ambiguous,
    case when proven_charges.answer_id is not null then 'not an item' else named.reason end as reason,

    ---------- its category
    named.category_raw,
    named.category,
    named.category_rule
from named
left join proven_charges
    on
        named.answer_id = proven_charges.answer_id
        and named.item_number = proven_charges.item_number
        and (
            proven_charges.over_subtotal = proven_charges.all_of_them
            or (proven_charges.over_subtotal = proven_charges.price and proven_charges.price_rank = 1)
        )
