{{ config(severity="warn", store_failures=true) }}

-- Answers in which one object has a key twice: the first counts, and the other is not in the marts.
select
    line_id,
    custom_id,
    repeated_keys
from {{ ref('int_output_lines__read') }}
where repeated_keys > 0
