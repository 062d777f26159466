-- One row per answer to a receipt whose label can be read: how many of its items are on the label. An item is
-- on the label when the names are equal, letters and digits only, or else alike (at most three edits in ten
-- letters) and each is the other's best partner among what is left. Prices are compared apart.
with items as (

    select * from {{ ref('int_items__valued') }}
    where reason is null

),

label_items as (

    select
        *,
        row_number() over (partition by answer_id, name_key order by label_item_number) as occurrence
    from {{ ref('int_labels__priced') }}

),

labelled as (

    select distinct answer_id from label_items

),

answer_items as (

    select
        items.answer_id,
        items.item_number,
        items.price,
        {{ regexp_replace_all('lower(items.name)', '[^\\p{L}\\p{N}]+', '') }} as name_key
    from items
    inner join labelled on items.answer_id = labelled.answer_id

),

numbered_items as (

    select
        *,
        row_number() over (partition by answer_id, name_key order by item_number) as occurrence
    from answer_items

),

equal_names as (

    select
        numbered_items.answer_id,
        numbered_items.item_number,
        label_items.label_item_number,
        numbered_items.price = label_items.price as is_price_equal
    from numbered_items
    inner join label_items
        on
            numbered_items.answer_id = label_items.answer_id
            and numbered_items.name_key = label_items.name_key
            and numbered_items.occurrence = label_items.occurrence

),

items_left as (

    select numbered_items.*
    from numbered_items
    left join equal_names
        on
            numbered_items.answer_id = equal_names.answer_id
            and numbered_items.item_number = equal_names.item_number
    where equal_names.answer_id is null

),

labels_left as (

    select label_items.*
    from label_items
    left join equal_names
        on
            label_items.answer_id = equal_names.answer_id
            and label_items.label_item_number = equal_names.label_item_number
    where equal_names.answer_id is null

),

pairs as (

    select
        items_left.answer_id,
        items_left.item_number,
        labels_left.label_item_number,
        items_left.price = labels_left.price as is_price_equal,
        levenshtein(items_left.name_key, labels_left.name_key) as edits
    from items_left
    inner join labels_left on items_left.answer_id = labels_left.answer_id
    where
        levenshtein(items_left.name_key, labels_left.name_key) * 10
        <= 3 * greatest(length(items_left.name_key), length(labels_left.name_key))

),

ranked_pairs as (

    select
        *,
        row_number() over (
            partition by answer_id, item_number
            order by
                edits asc, case when is_price_equal then 0 else 1 end asc, label_item_number asc
        ) as label_rank,
        row_number() over (
            partition by answer_id, label_item_number
            order by edits asc, case when is_price_equal then 0 else 1 end asc, item_number asc
        ) as item_rank
    from pairs

),

matched as (

    select
        answer_id,
        is_price_equal
    from equal_names

    union all

    select
        answer_id,
        is_price_equal
    from ranked_pairs
    where label_rank = 1 and item_rank = 1

),

matches as (

    select
        answer_id,
        count(*) as matched_item_count,
        count(case when is_price_equal then 1 end) as matched_price_count
    from matched
    group by answer_id

),

label_counts as (

    select
        answer_id,
        receipt_id,
        count(*) as label_item_count
    from label_items
    group by answer_id, receipt_id

)

select
    label_counts.answer_id,
    label_counts.receipt_id,
    label_counts.label_item_count,
    coalesce(matches.matched_item_count, 0) as matched_item_count,
    coalesce(matches.matched_price_count, 0) as matched_price_count
from label_counts
left join matches on label_counts.answer_id = matches.answer_id
