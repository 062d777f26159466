{{ config(materialized='incremental', incremental_strategy='append') }}

-- One row per item of a line, its price still as it was written. Only files that are new are unnested.
with lines as (

    select * from {{ ref('int_output_lines__read') }}
    {{ only_new_files(ref('int_output_lines__read')) }}

),

unnested as (

    {{ select_unnested('lines', ['line_id', 'file_id'], 'items') | indent(4) }}

)

select
    line_id,
    file_id,
    position as item_number,
    nullif(trim(element.name), '') as name,
    case
        when element.price like 'number:%' then substr(element.price, 8)
        else element.price
    end as price_raw,
    coalesce(element.price like 'number:%', false) as is_price_number,
    element.classification as category_raw,
    coalesce(element.name, element.price, element.classification) is not null as is_item
from unnested
