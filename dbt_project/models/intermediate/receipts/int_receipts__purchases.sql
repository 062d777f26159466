-- One row per receipt that says which purchase it is: by merchant, currency, date and total. Of those of one purchase
-- the balanced one comes first, then the first that was loaded.
with receipts as (

    select * from {{ ref('int_receipts__latest') }}
    where not is_set_aside

),

offers as (

    select * from {{ ref('stg_loader__receipts') }}

),

answers as (

    select * from {{ ref('int_answers__counted') }}
    where is_current

),

items as (

    select * from {{ ref('int_items__counted') }}
    where reason is null

),

settled as (

    -- of these it is known already; nothing counts instead of what is no receipt, nor it instead of anything
    select receipt_id from {{ ref('int_corrections__standing') }}
    where field = 'not_a_receipt'

    union

    select receipt_id from {{ ref('int_receipts__replaced') }}
    where is_certain

    union

    select receipt_id from {{ ref('int_receipts__linked') }}
    where is_same and receipt_id <> other_id

),

item_prices as (

    -- alike in all of these, they are the same prices
    select
        receipt_id,
        concat(
            cast(count(*) as string), ' ',
            cast(min(price) as string), ' ',
            cast(max(price) as string), ' ',
            cast(sum(price) as string), ' ',
            cast(sum(cast(price as decimal(19, 3)) * cast(price as decimal(19, 3))) as string)
        ) as prices
    from items
    group by receipt_id

),

first_offers as (

    select
        receipt_id,
        min(loaded_at) as loaded_at,
        min(location) as location
    from offers
    group by receipt_id

),

described as (

    select
        receipts.receipt_id,
        {{ regexp_replace_all('lower(answers.merchant)', '[^\\p{L}\\p{N}]+', '') }} as merchant_key,
        answers.currency,
        answers.purchased_on,
        answers.total,
        nullif({{ regexp_replace_all('lower(answers.receipt_number)', '[^\\p{L}\\p{N}]+', '') }}, '') as number_key,
        answers.purchased_at,
        coalesce(item_prices.prices, '') as prices,
        answers.reconciliation,
        answers.is_corrected,
        first_offers.loaded_at,
        first_offers.location
    from receipts
    inner join answers on receipts.receipt_id = answers.receipt_id
    inner join first_offers on receipts.receipt_id = first_offers.receipt_id
    left join item_prices on receipts.receipt_id = item_prices.receipt_id
    left join settled on receipts.receipt_id = settled.receipt_id
    where
        settled.receipt_id is null
        and answers.purchased_on is not null
        and answers.total is not null
        and answers.currency <> {{ unknown_currency() }}

)

select
    receipt_id,
    merchant_key,
    currency,
    purchased_on,
    total,
    number_key,
    purchased_at,
    prices,
    row_number() over (
        partition by merchant_key, currency, purchased_on, total
        order by
            case when is_corrected then 0 else 1 end asc,
            case when reconciliation = 'balanced' then 0 else 1 end asc,
            loaded_at asc,
            location asc nulls last,
            receipt_id asc
    ) as purchase_rank
from described
where merchant_key <> ''
