-- One row per receipt of which another image was at its place later.
--
-- It is replaced (is_certain) where it has no good answer, or where a later one has the same total and date.
with corrections as (

    select * from {{ ref('int_corrections__standing') }}

),

no_receipts as (

    select receipt_id from corrections
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

),

last_seen as (

    select
        receipt_id,
        max(loaded_at) as loaded_at
    from offers
    group by receipt_id

),

read_places as (

    -- those at one place with the same total and date, the latest first; by one order everywhere, so that none is
    -- replaced by one that it replaces elsewhere
    select
        places.location,
        places.receipt_id,
        places.load_id,
        answers.total,
        answers.purchased_on,
        row_number() over (
            partition by places.location, answers.total, answers.purchased_on
            order by last_seen.loaded_at desc, places.receipt_id asc
        ) as same_rank
    from places
    inner join answers on places.receipt_id = answers.receipt_id
    inner join last_seen on places.receipt_id = last_seen.receipt_id
    where answers.total is not null and answers.purchased_on is not null

),

saved_again as (

    select
        read_places.receipt_id,
        min(laters.receipt_id) as later_id
    from read_places
    inner join read_places as laters
        on
            read_places.location = laters.location
            and read_places.total = laters.total
            and read_places.purchased_on = laters.purchased_on
            and read_places.load_id <> laters.load_id
    where read_places.same_rank > 1 and laters.same_rank = 1
    group by read_places.receipt_id

)

select
    earlier.receipt_id,
    coalesce(saved_again.later_id, earlier.later_id) as instead_id,
    answers.receipt_id is null or saved_again.receipt_id is not null as is_certain
from earlier
left join answers on earlier.receipt_id = answers.receipt_id
left join saved_again on earlier.receipt_id = saved_again.receipt_id
