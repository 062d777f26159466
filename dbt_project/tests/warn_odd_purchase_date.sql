{{ config(severity="warn", store_failures=true) }}

-- Purchases before 1990, or more than two days after the receipt was read.
select
    receipt_id,
    purchased_on,
    answered_at
from {{ ref('receipts') }}
where
    purchased_on < cast('1990-01-01' as date)
    or purchased_on > cast(answered_at + interval 2 days as date)
