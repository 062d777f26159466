-- One row per receipt at whose place a later image was found: certainly the same receipt where it has no good answer or
-- both have one total and date.
with no_receipts as (

    -- as people say: nothing counts instead of them, nor they instead of anything
    select receipt_id from {{ ref('int_corrections__standing') }}
    where field = 'not_a_receipt'

),

offers as (

    select offers.*
    from {{ ref('stg_loader__receipts') }} as offers
    left join no_receipts on offers.receipt_id = no_receipts.receipt_id
    where no_receipts.receipt_id is null

),

answers as (

    select * from {{ ref('int_answers__counted') }}
    where is_current

),

places as (

    select
        location,
        receipt_id,
        max(loaded_at) as loaded_at,
        max(load_id) as load_id
    from offers
    where location is not null
    group by location, receipt_id

),

ranked_places as (

    select
        *,
        row_number() over (partition by location order by loaded_at desc, receipt_id asc) as place_rank
    from places

),

latest_of_places as (

    select * from ranked_places
    where place_rank = 1

),

earlier as (

    -- bytes that another place still holds are not replaced
    select
        ranked_places.receipt_id,
        min(laters.receipt_id) as later_id
    from ranked_places
    inner join latest_of_places as laters
        on
            ranked_places.location = laters.location
            and ranked_places.load_id <> laters.load_id
    left join latest_of_places as still_there on ranked_places.receipt_id = still_there.receipt_id
    where ranked_places.place_rank > 1 and still_there.receipt_id is null
    group by ranked_places.receipt_id

)

select
    earlier.receipt_id,
    earlier.later_id as instead_id,
    answers.receipt_id is null or coalesce(
        later_answers.total = answers.total and later_answers.purchased_on = answers.purchased_on, false
    ) as is_certain
from earlier
left join answers on earlier.receipt_id = answers.receipt_id
left join answers as later_answers on earlier.later_id = later_answers.receipt_id
