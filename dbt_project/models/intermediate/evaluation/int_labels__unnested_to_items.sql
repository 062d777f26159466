-- One row per item of a receipt's label, the data set's own account of it. Labels are read tolerantly: what
-- can't be read is not scored.
with receipts as (

    select * from {{ ref('int_receipts__latest') }}
    where label is not null and not is_set_aside

),

parsed as (

    select
        receipt_id,
        {{ json_or_null(numbers_as_texts('label', ['item_value', 'price'])) }} as document
    from receipts

),

listed as (

    select
        receipt_id,
        {{ json_entries('document', 'line_items', ['item_name', 'item_value']) }} as items
    from parsed

),

unnested as (

    {{ select_unnested('listed', ['receipt_id'], 'items') | indent(4) }}

)

select
    receipt_id,
    position as label_item_number,
    nullif(trim(element.item_name), '') as name,
    {{ as_written('element.item_value') }} as price_raw,
    {{ was_number('element.item_value') }} as is_price_number
from unnested
where element.item_name is not null or element.item_value is not null
