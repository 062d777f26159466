{{ config(severity="warn", store_failures=true) }}

-- Overrides that no item has: a name or a merchant that is written otherwise, or one that is not needed any more.
with overrides as (

    select * from {{ ref('int_category_overrides__keyed') }}

),

items as (

    select distinct
        lower({{ regexp_replace_all('name', '\\s+', ' ') }}) as name_key,
        lower({{ regexp_replace_all('merchant', '\\s+', ' ') }}) as merchant_key
    from {{ ref('receipt_items') }}

)

select overrides.*
from overrides
left join items
    on
        overrides.name_key = items.name_key
        and (overrides.merchant_key is null or overrides.merchant_key = items.merchant_key)
where items.name_key is null
