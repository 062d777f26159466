{{ config(severity="warn", store_failures=true) }}

-- Landed lines that belong to no request.
select *
from {{ ref('rejected_answers') }}
where
    reason in (
        'blank line', 'line is not JSON', 'no custom_id', 'unknown custom_id', 'answered twice'
    )
