{{ config(materialized='incremental', incremental_strategy='append') }}

-- One row per landed line with what its content says. A line never changes, so only new files are read.
{% set fields = ['name', 'price', 'classification'] %}
{% set header = ['merchant', 'purchased_on', 'currency', 'total', 'country'] %}

with lines as (

    select * from {{ ref('stg_raw__batch_output') }}
    {{ only_new_files(ref('stg_raw__batch_output')) }}

),

numbers_kept as (

    -- JSON has no 25.000, only 25.0: a number becomes text before anything parses it, marked as number
    select
        *,
        {{ regexp_replace_all(
            'content',
            '("(?:price|total)"\\s*:\\s*)(-?[0-9][0-9.eE+-]*(?:,[0-9][0-9.eE+-]*)*)',
            '\\1"number:\\2"',
        ) }} as text_content
    from lines

),

sliced as (

    -- the JSON in a Markdown fence (which may lack its end), else from the first bracket on
    select
        *,
        {{ regexp_first(
            "coalesce(nullif("
            ~ regexp_first('text_content', '(?s)```[a-zA-Z]*\\s*(.*?)(?:```|$)', 1)
            ~ ", ''), text_content)",
            '(?s)(?:\\{\\s*["}]|\\[\\s*[{\\]]).*',
        ) }} as from_first_bracket
    from numbers_kept

),

parsed as (

    select
        *,
        coalesce(
            {{ json_or_null('text_content') }},
            {{ json_or_null(regexp_first('from_first_bracket', '(?s)^.*[}\\]]')) }},
            -- cut off: up to the last brace outside of a string, then closed in the ways that fit
            {%- set complete = up_to_last_brace('from_first_bracket') %}
            {% for closing in [']}', ']', ']}}', ']}}}'] -%}
                case
                    when finish_reason in ('length', 'model_length')
                        then {{ json_or_null('concat(' ~ complete ~ ", '" ~ closing ~ "')") }}
                end{{ ',' if not loop.last }}
            {% endfor %}
        ) as document
    from sliced

),

picked as (

    select
        *,
        {{ json_entries('document', 'items', fields) }} as items,
        {{ json_texts(json_object_with('document', header), [
            '$.merchant', '$.purchased_on', '$.currency', '$.total', '$.country'
        ]) }} as texts
    from parsed

)

select
    ---------- ids
    line_id,
    job_id,
    file_id,
    file_kind,
    line_number,
    custom_id,

    ---------- what became of it
    is_blank,
    is_json,
    provider_error,
    case
        when provider_error is not null then 'failed'
        when finish_reason in ('length', 'model_length') then 'truncated'
        when items is null then 'unreadable'
        when {{ list_length('items') }} = 0 then 'empty'
        else 'extracted'
    end as status,
    finish_reason,
    case
        when items is not null then null
        when not is_json then 'the line is not JSON'
        when content is null then 'no content'
        when document is null then 'not JSON'
        else 'no list of items'
    end as unreadable_because,
    cast(length(content) as bigint) as content_length,

    ---------- the receipt as a whole
    nullif(trim({{ list_item('texts', 1) }}), '') as merchant,
    case
        when {{ regexp_first(list_item('texts', 2), '^[0-9]{4}-[0-9]{2}-[0-9]{2}$') }} <> ''
            then try_cast({{ list_item('texts', 2) }} as date)
    end as purchased_on,
    upper(trim({{ list_item('texts', 3) }})) as currency,
    {{ list_item('texts', 4) }} as total_text,
    upper(trim({{ list_item('texts', 5) }})) as country,

    ---------- its items
    case when provider_error is null then items end as items,
    coalesce(case when provider_error is null then {{ list_length('items') }} end, 0) as item_count,

    ---------- the model
    echoed_model,
    prompt_tokens,
    completion_tokens,
    answered_at,
    load_id,
    landed_at
from picked
