-- One row per item of what is true of a receipt (what people left, else its label) and readable answer to it, priced in
-- the currency of that answer.
with answers as (

    select * from {{ ref('int_answers__ranked') }}

),

set_right as (

    -- what people left after they had set something right is true when it adds up, or when they say so
    select receipt_id from {{ ref('int_answers__corrected') }}
    where is_current and not is_no_receipt and (is_accepted or reconciliation = 'balanced')

),

labels as (

    select
        labels.receipt_id,
        labels.label_item_number,
        labels.name,
        labels.price_raw,
        labels.is_price_number,
        cast(null as decimal(18, 3)) as price
    from {{ ref('int_labels__unnested_to_items') }} as labels
    left join set_right on labels.receipt_id = set_right.receipt_id
    where set_right.receipt_id is null

    union all

    select
        corrected.receipt_id,
        corrected.item_number as label_item_number,
        corrected.name,
        cast(null as string) as price_raw,
        false as is_price_number,
        corrected.price
    from {{ ref('int_items__corrected') }} as corrected
    inner join set_right on corrected.receipt_id = set_right.receipt_id
    where corrected.reason is null

),

prices as (

    select * from {{ ref('int_prices__parsed') }}

),

labelled_answers as (

    select
        answers.answer_id,
        answers.receipt_id,
        answers.currency,
        labels.label_item_number,
        labels.price_raw,
        labels.is_price_number,
        labels.price,
        {{ regexp_replace_all('lower(labels.name)', '[^\\p{L}\\p{N}]+', '') }} as name_key
    from answers
    inner join labels on answers.receipt_id = labels.receipt_id
    where answers.status in ('extracted', 'empty', 'truncated')

)

select
    labelled_answers.answer_id,
    labelled_answers.receipt_id,
    labelled_answers.label_item_number,
    labelled_answers.name_key,
    coalesce(labelled_answers.price, prices.amount) as price
from labelled_answers
left join prices
    on
        labelled_answers.price_raw = prices.literal
        and labelled_answers.is_price_number = prices.is_number
        and labelled_answers.currency = prices.currency
