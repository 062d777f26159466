{{ config(severity="warn", store_failures=true) }}

-- Items of current answers that are kept out of the spend.
select *
from {{ ref('rejected_items') }}
