{{ config(materialized='view') }}

-- One row per receipt that repeats another's purchase, or may: both have one number, or one time and the same item
-- prices; a known difference in number or time keeps two apart.
{% set purchase = 'merchant_key, currency, purchased_on, total' %}

with purchases as (

    select
        *,
        count(*) over (partition by {{ purchase }}) as alike_count
    from {{ ref('int_receipts__purchases') }}

),

-- What one does not show it has from the first that it is one with: so each belongs to one purchase, in which no two
-- have another number or time, and all of which are one.
numbered as (

    select
        *,
        coalesce(
            number_key,
            case
                when purchased_at is not null
                    then min(number_key) over (partition by {{ purchase }}, purchased_at, prices)
            end
        ) as known_number
    from purchases
    where alike_count > 1

),

timed as (

    select
        *,
        coalesce(
            purchased_at,
            case
                when known_number is not null
                    then min(purchased_at) over (partition by {{ purchase }}, known_number)
            end
        ) as known_time
    from numbered

),

compared as (

    select
        *,
        min(purchase_rank) over (
            partition by
                {{ purchase }},
                known_number,
                known_time,
                case
                    when known_number is null and known_time is null then receipt_id
                    when known_number is null then prices
                end
        ) as same_rank
    from timed

),

counting as (

    -- and of those that count the first that neither number nor time tells apart, with the rows that each may be
    select
        *,
        least(
            purchase_rank,
            min(case when known_number is null and known_time is null then purchase_rank end) over (
                partition by {{ purchase }}
            ),
            min(case when known_number is null then purchase_rank end) over (partition by {{ purchase }}, known_time),
            case
                when known_number is null
                    then min(purchase_rank) over (partition by {{ purchase }}, known_time)
            end,
            case
                when known_number is null
                    then min(case when known_time is null then purchase_rank end) over (partition by {{ purchase }})
            end,
            case
                when known_time is null
                    then min(case when known_number is null then purchase_rank end) over (partition by {{ purchase }})
            end,
            case
                when known_number is null and known_time is null
                    then min(purchase_rank) over (partition by {{ purchase }})
            end
        ) as like_rank
    from compared
    where purchase_rank = same_rank

),

followers as (

    select
        receipt_id,
        {{ purchase }},
        same_rank as instead_rank,
        true as is_certain
    from compared
    where same_rank < purchase_rank

    union all

    select
        receipt_id,
        {{ purchase }},
        like_rank as instead_rank,
        false as is_certain
    from counting
    where like_rank < purchase_rank

)

select
    followers.receipt_id,
    firsts.receipt_id as instead_id,
    followers.is_certain
from followers
inner join compared as firsts
    on
        followers.merchant_key = firsts.merchant_key
        and followers.currency = firsts.currency
        and followers.purchased_on = firsts.purchased_on
        and followers.total = firsts.total
        and followers.instead_rank = firsts.purchase_rank
