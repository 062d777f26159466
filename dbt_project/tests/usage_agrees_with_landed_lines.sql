-- The tokens in batch_usage are those of the landed lines, without the lines of samples that are set aside.
with landed as (

    select
        lines.job_id,
        cast(coalesce(sum(lines.prompt_tokens), 0) as bigint) as prompt_tokens,
        cast(coalesce(sum(lines.completion_tokens), 0) as bigint) as completion_tokens
    from {{ ref('int_output_lines__read') }} as lines
    inner join {{ ref('int_answers__ranked') }} as answers on lines.line_id = answers.line_id
    group by lines.job_id

),

usage as (

    select
        job_id,
        cast(sum(prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(completion_tokens) as bigint) as completion_tokens
    from {{ ref('batch_usage') }}
    group by job_id

)

select
    landed.*,
    usage.prompt_tokens as prompt_tokens_in_usage,
    usage.completion_tokens as completion_tokens_in_usage
from landed
left join usage on landed.job_id = usage.job_id
where
    usage.job_id is null
    or landed.prompt_tokens <> usage.prompt_tokens
    or landed.completion_tokens <> usage.completion_tokens
