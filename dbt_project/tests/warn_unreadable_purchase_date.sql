{{ config(severity="warn", store_failures=true) }}

-- Dates of purchase that could be two days, or none: these receipts have no date in the marts.
select
    answer_id,
    receipt_id,
    purchased_on_raw
from {{ ref('int_answers__ranked') }}
where is_current and purchased_on_raw is not null and purchased_on is null
