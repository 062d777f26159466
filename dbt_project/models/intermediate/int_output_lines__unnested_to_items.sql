{{ config(materialized='incremental', incremental_strategy='append') }}

-- One row per item of a line, its price still as it was written. Only files that are new are unnested.
with lines as (

    select * from {{ ref('int_output_lines__read') }}
    {% if is_incremental() %}
        where file_id in (
            select landed.file_id from {{ ref('int_output_lines__read') }} as landed
            except
            select known.file_id from {{ this }} as known
        )
    {% endif %}

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
