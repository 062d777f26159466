{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook='{{ note_line_rules("int_output_lines__read") }}'
) }}

-- One row per item of a line, its price still as it was written. Only files that are new are unnested.
with lines as (

    select * from {{ ref('int_output_lines__read') }}
    {{ only_new_files(ref('int_output_lines__read')) }}

),

unnested as (

    {{ select_unnested('lines', ['line_id', 'file_id'], 'items') | indent(4) }}

),

cleaned as (

    -- no BI tool takes a NUL in a text
    select
        line_id,
        file_id,
        position,
        replace(element.name, chr(0), '') as name,
        replace(element.price, chr(0), '') as price,
        replace(element.classification, chr(0), '') as classification
    from unnested

)

select
    line_id,
    file_id,
    position as item_number,
    nullif(trim(name), '') as name,
    case when price like 'number:%' then substr(price, 8) else price end as price_raw,
    coalesce(price like 'number:%', false) as is_price_number,
    classification as category_raw,
    {{ named_like('name') }} as named_like,
    coalesce(name, price, classification) is not null as is_item
from cleaned
