-- One row per receipt that is one with another, or may be.
with repeated as (

    select * from {{ ref('int_receipts__repeated') }}
    where duplicate_of is not null

)

select
    receipt_id,
    duplicate_of,
    is_certain,
    why
from repeated
