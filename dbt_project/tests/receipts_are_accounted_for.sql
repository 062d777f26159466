-- Every receipt that was offered is in marts.receipts, unless it is a sample that is set aside.
with offered as (

    select distinct receipt_id from {{ ref('stg_loader__receipts') }}

),

receipts as (

    select * from {{ ref('receipts') }}

),

latest as (

    select * from {{ ref('int_receipts__latest') }}

)

select offered.*
from offered
left join receipts on offered.receipt_id = receipts.receipt_id
left join latest on offered.receipt_id = latest.receipt_id
where (receipts.receipt_id is null) <> latest.is_set_aside
