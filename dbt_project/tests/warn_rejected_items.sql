{{ config(severity="warn", store_failures=true) }}

-- Items of current answers that are kept out of the spend, other than by people.
select *
from {{ ref('rejected_items') }}
where reason <> 'dropped by a person'
