-- No receipt has two current answers, and a receipt with a readable answer has one.
with answers as (

    select * from {{ ref('answers') }}
    where receipt_id is not null

)

select
    receipt_id,
    count(case when is_current then 1 end) as current_count
from answers
group by receipt_id
having
    count(case when is_current then 1 end) > 1
    or (
        count(case when is_current then 1 end) = 0
        and count(case when status in ('extracted', 'empty') then 1 end) > 0
    )
