-- One row per source and status: how far its receipts have come.
with receipts as (

    select * from {{ ref('receipts') }}

),

counted as (

    select
        source,
        status,
        count(*) as receipt_count
    from receipts
    group by source, status

)

select
    source,
    status,
    receipt_count,
    {{ share('receipt_count', 'sum(receipt_count) over (partition by source)') }} as share_of_receipts
from counted
