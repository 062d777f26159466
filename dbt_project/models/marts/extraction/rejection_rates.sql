-- One row per model, question and reason: how many of its items were kept out for it.
with items as (

    select * from {{ ref('int_items__valued') }}
    where receipt_id is not null

),

counted as (

    select
        coalesce(model, 'unknown') as model,
        coalesce(prompt_id, 'unknown') as prompt_id,
        reason,
        count(*) as reason_count
    from items
    group by coalesce(model, 'unknown'), coalesce(prompt_id, 'unknown'), reason

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
