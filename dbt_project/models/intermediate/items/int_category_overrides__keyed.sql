-- One row per override, with the keys by which it is matched: without regard to case and runs of spaces.
with overrides as (

    select * from {{ ref('category_overrides') }}

)

select
    item_name,
    merchant,
    category,
    lower({{ regexp_replace_all('trim(item_name)', '\\s+', ' ') }}) as name_key,
    nullif(lower({{ regexp_replace_all('trim(merchant)', '\\s+', ' ') }}), '') as merchant_key
from overrides
