-- Every request attempt is one answer, unless it asked about a sample that is set aside.
with requests as (

    select * from {{ ref('stg_loader__batch_requests') }}

),

answers as (

    select * from {{ ref('answers') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

)

select requests.*
from requests
left join answers on requests.answer_id = answers.answer_id
left join receipts on requests.receipt_id = receipts.receipt_id
where (answers.answer_id is null) <> coalesce(receipts.is_set_aside, false)
