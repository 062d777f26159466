-- One row per model, question and reason: how many of its items were kept out for it.
with items as (

    select * from {{ ref('int_items__valued') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}
    where receipt_id is not null

),

counted as (

    select
        coalesce(answers.model, 'unknown') as model,
        coalesce(answers.prompt_id, 'unknown') as prompt_id,
        items.reason,
        count(*) as reason_count
    from items
    inner join answers on items.answer_id = answers.answer_id
    group by coalesce(answers.model, 'unknown'), coalesce(answers.prompt_id, 'unknown'), items.reason

),

totalled as (

    select
        *,
        cast(sum(reason_count) over (partition by model, prompt_id) as bigint) as item_count
    from counted

)

select
    model,
    prompt_id,
    reason,
    reason_count as rejected_item_count,
    item_count,
    {{ share('reason_count', 'item_count') }} as share_of_items
from totalled
where reason is not null
