-- One row per receipt that is one with another, or may be, and so counts once; or that is none, as people say.
--
-- What people say comes first (int_receipts__linked), then what is certain: a later image of its place
-- (int_receipts__replaced), the same purchase (int_receipts__alike).
with corrections as (

    select * from {{ ref('int_corrections__standing') }}

),

links as (

    select * from {{ ref('int_receipts__linked') }}

),

replaced as (

    select * from {{ ref('int_receipts__replaced') }}

),

alike as (

    select * from {{ ref('int_receipts__alike') }}

),

---------- what people say

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
        'a person says that it is the same purchase' as why
    from links
    where is_same and receipt_id <> other_id

    union all

    select
        receipt_id,
        cast(null as string) as instead_id,
        true as is_certain,
        'not_a_receipt' as status,
        'a person says that it is no receipt' as why
    from corrections
    where field = 'not_a_receipt'

),

---------- what the images and their answers say

found as (

    select
        receipt_id,
        instead_id,
        is_certain,
        'replaced' as status,
        case when is_certain then 'a later image of its place' else 'another image was at its place' end as why
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
        end as why
    from alike

),

united as (

    select
        found.*,
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
            order by
                case when is_said then 0 else 1 end asc,
                case when is_certain then 0 else 1 end asc,
                status desc,
                instead_id asc -- said to be one with two: the same on every engine
        ) as said_rank
    from united

)

select
    receipt_id,
    instead_id as duplicate_of,
    is_certain,
    case when is_certain then status end as status,
    is_said,
    status = 'replaced' as is_other_image,
    why
from ranked
where said_rank = 1
