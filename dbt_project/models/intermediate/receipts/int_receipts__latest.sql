-- One row per image: the latest word of its sources on it.
with offers as (

    select * from {{ ref('stg_loader__receipts') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by receipt_id
            order by
                case when source = {{ drawn_samples() }} then 1 else 0 end asc,
                loaded_at desc,
                load_id desc,
                source_key asc,
                source asc
        ) as offer_rank
    from offers

),

latest as (

    select
        *,
        {{ currency_word('currency') }} as currency_word
    from ranked
    where offer_rank = 1

),

words as (

    select * from {{ ref('int_currencies__words') }}

),

shared_words as (

    select * from {{ ref('int_currencies__shared_words') }}

),

said_by_people as (

    select
        receipt_id,
        value as currency
    from {{ ref('int_corrections__standing') }}
    where field = 'currency'

),

all_offers as (

    select min(case when source = {{ drawn_samples() }} then 1 else 0 end) as are_samples
    from {{ ref('stg_loader__receipts') }}

)

select
    latest.receipt_id,
    latest.source,
    latest.source_key,
    -- of a person, a data set's column or whoever landed it; a sign of many currencies says one beside the setting only
    coalesce(
        said_by_people.currency, {{ said_currency('latest.currency_word', 'words') }}, shared_words.currency
    ) as currency,
    nullif(latest.default_currency, {{ unknown_currency() }}) as default_currency,
    latest.label,
    latest.rejected_reason,
    latest.load_id,
    latest.loaded_at,
    -- the drawn samples step aside as soon as anything else has been loaded
    latest.source = {{ drawn_samples() }} and all_offers.are_samples = 0 as is_set_aside
from latest
cross join all_offers
left join said_by_people on latest.receipt_id = said_by_people.receipt_id
left join words on latest.currency_word = words.word
left join shared_words on latest.currency_word = shared_words.word and latest.default_currency = shared_words.currency
