{{ config(materialized='view') }}

-- One row per receipt that repeats another's purchase, or may: both have one number, or one time and the same item
-- prices; a known difference in number or time keeps two apart.
{% set purchase = 'merchant_key, currency, purchased_on, total' %}

with purchases as (

    select * from {{ ref('int_receipts__purchases') }}

),

compared as (

    -- the first of those that have the same number and no other time, or the same time and prices and no other number
    select
        *,
        least(
            purchase_rank,
            case when number_key is not null then min(purchase_rank) over (
                partition by {{ purchase }}, number_key, purchased_at
            ) end,
            case when number_key is not null then min(case when purchased_at is null then purchase_rank end) over (
                partition by {{ purchase }}, number_key
            ) end,
            case when number_key is not null and purchased_at is null then min(purchase_rank) over (
                partition by {{ purchase }}, number_key
            ) end,
            case when purchased_at is not null then min(case when number_key is null then purchase_rank end) over (
                partition by {{ purchase }}, purchased_at, prices
            ) end,
            case when purchased_at is not null and number_key is null then min(purchase_rank) over (
                partition by {{ purchase }}, purchased_at, prices
            ) end
        ) as same_rank
    from purchases

)

select
    compared.receipt_id,
    firsts.receipt_id as instead_id,
    compared.same_rank < compared.purchase_rank as is_certain
from compared
inner join compared as firsts
    on
        compared.merchant_key = firsts.merchant_key
        and compared.currency = firsts.currency
        and compared.purchased_on = firsts.purchased_on
        and compared.total = firsts.total
        and firsts.purchase_rank = case
            when compared.same_rank < compared.purchase_rank then compared.same_rank
            else 1
        end
where
    compared.purchase_rank > 1
    and (
        -- what it repeats counts itself
        (compared.same_rank < compared.purchase_rank and firsts.same_rank = firsts.purchase_rank)
        or (
            compared.same_rank = compared.purchase_rank
            and coalesce(compared.number_key = firsts.number_key, true)
            and coalesce(compared.purchased_at = firsts.purchased_at, true)
        )
    )
