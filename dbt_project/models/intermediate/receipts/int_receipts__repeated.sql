-- One row per receipt that is one with another, or may be: it counts once.
--
-- replaced: see int_receipts__replaced.
-- duplicate: same merchant, currency, date and total, and either the same number, or the same time and item prices; a
-- known difference in number or time keeps two apart. Of those alike counts the balanced one, else the first.
with corrections as (

    select * from {{ ref('int_corrections__standing') }}

),

no_receipts as (

    -- as people say: nothing counts instead of them, nor they instead of anything
    select receipt_id from corrections
    where field = 'not_a_receipt'

),

offers as (

    select offers.*
    from {{ ref('stg_loader__receipts') }} as offers
    left join no_receipts on offers.receipt_id = no_receipts.receipt_id
    where no_receipts.receipt_id is null

),

receipts as (

    select receipts.*
    from {{ ref('int_receipts__latest') }} as receipts
    left join no_receipts on receipts.receipt_id = no_receipts.receipt_id
    where not receipts.is_set_aside and no_receipts.receipt_id is null

),

replaced as (

    select * from {{ ref('int_receipts__replaced') }}

),

answers as (

    select * from {{ ref('int_answers__counted') }}
    where is_current

),

items as (

    select * from {{ ref('int_items__counted') }}
    where reason is null

),

---------- what people link

links as (

    -- to be one with another takes another that counts, or the one that counts instead of it
    select
        corrections.receipt_id,
        coalesce(case when replaced.is_certain then replaced.instead_id end, corrections.value) as other_id,
        corrections.field = 'same_as' as is_same
    from corrections
    inner join receipts on corrections.value = receipts.receipt_id
    left join answers on corrections.value = answers.receipt_id
    left join replaced on corrections.value = replaced.receipt_id
    left join answers as later_answers on replaced.instead_id = later_answers.receipt_id
    where
        corrections.field = 'not_same_as'
        or (
            corrections.field = 'same_as'
            and case when replaced.is_certain then later_answers.receipt_id else answers.receipt_id end is not null
        )

),

said_same as (

    select distinct receipt_id from links
    where is_same and receipt_id <> other_id

),

---------- what is alike

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
    left join replaced on receipts.receipt_id = replaced.receipt_id and replaced.is_certain
    left join said_same on receipts.receipt_id = said_same.receipt_id
    where
        said_same.receipt_id is null
        and answers.purchased_on is not null
        and answers.total is not null
        and answers.currency <> {{ unknown_currency() }}
        and replaced.receipt_id is null

),

{% set purchase = 'merchant_key, currency, purchased_on, total' %}
purchases as (

    select
        *,
        count(*) over (partition by {{ purchase }}) as alike_count,
        row_number() over (
            partition by {{ purchase }}
            order by
                case when is_corrected then 0 else 1 end asc,
                case when reconciliation = 'balanced' then 0 else 1 end asc,
                loaded_at asc,
                location asc nulls last,
                receipt_id asc
        ) as purchase_rank
    from described
    where merchant_key <> ''

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

linked as (

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

),

alike as (

    select
        linked.receipt_id,
        firsts.receipt_id as instead_id,
        linked.is_certain
    from linked
    inner join compared as firsts
        on
            linked.merchant_key = firsts.merchant_key
            and linked.currency = firsts.currency
            and linked.purchased_on = firsts.purchased_on
            and linked.total = firsts.total
            and linked.instead_rank = firsts.purchase_rank

),

---------- what people say of it

said_apart as (

    -- two of which people say that they are two, or which is the one that counts
    select
        receipt_id,
        other_id
    from links
    where not is_same

    union

    select
        other_id as receipt_id,
        receipt_id as other_id
    from links

),

said as (

    select
        receipt_id,
        other_id as instead_id,
        true as is_certain,
        'duplicate' as status,
        'a person says that it is the same purchase' as why,
        false as is_other_image
    from links
    where is_same and receipt_id <> other_id

    union all

    select
        receipt_id,
        cast(null as string) as instead_id,
        true as is_certain,
        'not_a_receipt' as status,
        'a person says that it is no receipt' as why,
        false as is_other_image
    from corrections
    where field = 'not_a_receipt'

),

found as (

    select
        receipt_id,
        instead_id,
        is_certain,
        'replaced' as status,
        case when is_certain then 'a later image of its place' else 'another image was at its place' end as why,
        true as is_other_image
    from replaced

    union all

    select
        receipt_id,
        instead_id,
        is_certain,
        'duplicate' as status,
        case
            when is_certain then 'the same purchase'
            else 'same merchant, date and total, and nothing that tells them apart'
        end as why,
        false as is_other_image
    from alike

),

united as (

    select
        found.receipt_id,
        found.instead_id,
        found.is_certain,
        found.status,
        found.why,
        found.is_other_image,
        false as is_said
    from found
    left join said_apart
        on found.receipt_id = said_apart.receipt_id and found.instead_id = said_apart.other_id
    where said_apart.receipt_id is null

    union all

    select
        *,
        true as is_said
    from said

),

ranked as (

    select
        *,
        row_number() over (
            partition by receipt_id
            order by case when is_said then 0 else 1 end asc, case when is_certain then 0 else 1 end asc, status desc
        ) as said_rank
    from united

)

select
    receipt_id,
    instead_id as duplicate_of,
    is_certain,
    case when is_certain then status end as status,
    is_said,
    is_other_image,
    why
from ranked
where said_rank = 1
