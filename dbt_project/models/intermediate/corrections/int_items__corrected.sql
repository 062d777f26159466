-- One row per item of a receipt on which people set something right: those of its current answer as they left them, and
-- those that they added.
with corrections as (

    select * from {{ ref('int_corrections__standing') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}
    where is_current

),

items as (

    select * from {{ ref('int_items__valued') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

categories as (

    select * from {{ ref('categories') }}

),

corrected_receipts as (

    select
        receipt_id,
        max(case when field = 'accepted' then 1 else 0 end) = 1 as is_accepted
    from corrections
    group by receipt_id

),

changes as (

    select
        receipt_id,
        answer_id,
        item_number,
        max(case when field = 'name' then 1 else 0 end) = 1 as is_name_corrected,
        max(case when field = 'name' then value end) as name,
        max(case when field = 'price' then value end) as price_raw,
        {{ corrected_amount("max(case when field = 'price' then value end)") }} as price,
        max(case when field = 'category' then value end) as category,
        max(case when field = 'dropped' then 1 else 0 end) = 1 as is_dropped
    from corrections
    where item_number is not null
    group by receipt_id, answer_id, item_number

),

typed as (

    -- receipts of which a person wrote the items down from the first on, as nothing had been read
    select receipt_id
    from changes
    where answer_id is null and price is not null
    group by receipt_id
    having min(item_number) = 1 and min(case when is_dropped then 1 else 0 end) = 0

),

seen as (

    -- answers that a person has looked at
    select distinct answer_id
    from corrections
    where answer_id is not null and (item_number is not null or field = 'accepted')

),

read_items as (

    select
        corrected_receipts.receipt_id,
        items.answer_id,
        items.item_number,
        false as is_added,
        case when changes.is_name_corrected then changes.name else items.name end as name,
        coalesce(changes.price_raw, items.price_raw) as price_raw,
        items.currency,
        coalesce(changes.price, items.price) as price,
        items.is_price_ambiguous and changes.price is null and not corrected_receipts.is_accepted
            as is_price_ambiguous,
        case
            when changes.is_dropped then 'dropped by a person'
            -- what a later answer reads of it would be there twice
            when typed.receipt_id is not null and seen.answer_id is null then 'dropped by a person'
            -- who gives it a price says that it is an item
            when changes.price is null then items.reason
        end as reason,
        items.category_raw,
        -- a category that the list has no more does not count
        coalesce(categories.category, items.category) as category,
        case when categories.category is not null then 'person' else items.category_rule end as category_rule,
        changes.item_number is not null as is_corrected
    from items
    inner join answers on items.answer_id = answers.answer_id
    inner join corrected_receipts on answers.receipt_id = corrected_receipts.receipt_id
    left join changes on items.answer_id = changes.answer_id and items.item_number = changes.item_number
    left join categories on changes.category = categories.category
    left join typed on answers.receipt_id = typed.receipt_id
    left join seen on items.answer_id = seen.answer_id

),

added_items as (

    select
        changes.receipt_id,
        answers.answer_id,
        -- after those of the answer, also of a later one that has more
        coalesce(answers.item_count, 0)
        + row_number() over (partition by changes.receipt_id order by changes.item_number) as item_number,
        true as is_added,
        changes.name,
        changes.price_raw,
        coalesce(answers.currency, receipts.currency, receipts.default_currency, {{ unknown_currency() }}) as currency,
        changes.price,
        false as is_price_ambiguous,
        case when changes.is_dropped then 'dropped by a person' end as reason,
        cast(null as string) as category_raw,
        coalesce(categories.category, {{ other_category() }}) as category,
        case when categories.category is not null then 'person' else 'fallback' end as category_rule,
        true as is_corrected
    from changes
    left join answers on changes.receipt_id = answers.receipt_id
    left join receipts on changes.receipt_id = receipts.receipt_id
    left join categories on changes.category = categories.category
    where changes.answer_id is null and changes.price is not null

)

select * from read_items

union all

select * from added_items
