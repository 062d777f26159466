-- One row per answer or line that gave no items, with the reason.
with answers as (

    select * from {{ ref('int_answers__ranked') }}

)

select
    answer_id,
    custom_id,
    receipt_id,
    job_id,
    file_id,
    line_number,
    model,
    case
        when unmatched_because is not null then unmatched_because
        when status = 'failed' then 'provider error'
        when status = 'truncated' then 'cut off before the first item'
        when status = 'unreadable' then unreadable_because
        when status = 'empty' then 'no items'
        when status = 'missing' then 'no line in the finished job'
    end as reason,
    case
        when provider_error is not null then substr(provider_error, 1, 500)
        when line_id is not null
            then concat(
                'finish_reason ', coalesce(finish_reason, 'none'),
                ', ', coalesce(content_length, 0), ' characters of content'
            )
    end as detail
from answers
where
    unmatched_because is not null
    or status in ('failed', 'unreadable', 'empty', 'missing')
    or (status = 'truncated' and item_count = 0)
