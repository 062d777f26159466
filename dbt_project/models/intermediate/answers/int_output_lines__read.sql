{{ config(
    materialized='incremental',
    incremental_strategy='append',
    post_hook='{{ note_line_rules("stg_mistral__batch_output") }}'
) }}

-- One row per landed line with what its content says. A line never changes, so only new files are read.
--
-- The usual answer is one JSON document with its list at `items`. Anything else is searched: every whole JSON value in
-- the text and every list in those that may be of items is found. They count when all say the same; where they differ
-- nobody knows which one is meant, and the answer is unreadable.
{% set fields = ['name', 'price', 'classification'] %}
{% set amounts = ['subtotal', 'taxes', 'tip', 'service_charge', 'rounding', 'total'] %}
{% set header = [
    'document_type', 'merchant', 'country', 'purchased_on', 'purchased_at', 'receipt_number', 'currency', 'payment_method',
] + amounts %}
-- reasons to stop before the end, letters only
{% set cut_off = [
    'length', 'modellength', 'maxlength', 'contextlength', 'maxtokens', 'maxoutputtokens', 'maxcompletiontokens',
    'tokenlimit', 'incomplete', 'contentfilter', 'safety',
] %}

with lines as (

    select * from {{ ref('stg_mistral__batch_output') }}
    {{ only_new_files(ref('stg_mistral__batch_output')) }}

),

numbers_kept as (

    select
        *,
        coalesce(
            {{ regexp_first(
                'lower(' ~ regexp_replace_all('finish_reason', '[^a-zA-Z]+', '') ~ ')', '^(?:' ~ cut_off | join('|') ~ ')$'
            ) }} <> '', false
        ) as may_be_cut_off,
        {{ numbers_as_texts('content', tax_keys().split() + amounts, odd_blanks()) }} as text_content,
        {{ regexp_first(
            'content', '"taxes"[' ~ odd_blanks() ~ ']*:[' ~ odd_blanks() ~ ']*(\\[[-+0-9.,eE\\s]*[0-9][-+0-9.,eE\\s]*\\])', 1
        ) }} as taxes_as_numbers
    from lines

),

---------- the usual answer

parsed as (

    -- alone, in a fence (with another in it it is no JSON, but a name may hold three backticks), or amid prose without
    -- a bracket, which neither thinks nor may be cut off
    select
        *,
        coalesce(
            {{ json_or_null('text_content') }},
            case
                when text_content like '%```%'
                    then {{ json_or_null(regexp_first(
                        'text_content', '(?s)^\\s*```[a-zA-Z0-9]*\\s*(.*?)\\s*(?:```\\s*)?$', 1
                    )) }}
            end,
            case
                when not may_be_cut_off and {{ regexp_first('text_content', '(?i)</|<[a-z]+>|\\[/?think') }} = ''
                    then {{ json_or_null(regexp_first('text_content', '(?s)(?:\\{\\s*"|\\[\\s*\\{).*[}\\]]')) }}
            end
        ) as document
    from numbers_kept

),

-- what a usual answer has none of: a second list of objects, an object as a value, a key twice
{% set oddities = ['\\[\\s*[\\[{].*\\[\\s*[\\[{]', ':\\s*\\{'] %}
{% for key in ['items'] + header %}{% do oddities.append('"' ~ key ~ '"\\s*:.*"' ~ key ~ '"\\s*:') %}{% endfor %}
{% for key in fields %}{% do oddities.append('"' ~ key ~ '"\\s*:[^{}]*"' ~ key ~ '"\\s*:') %}{% endfor %}
glanced_at as (

    select
        *,
        {{ regexp_first('text_content', '(?s)' ~ oddities | join('|')) }} as oddity,
        {{ json_texts('document', ['$.items[0].price', '$.items[0].name', '$[0].price', '$[0].name']) }} as first_item
    from parsed

),

weighed as (

    select
        *,
        oddity = '' and coalesce(
            {{ list_item('first_item', 1) }},
            {{ list_item('first_item', 2) }},
            {{ list_item('first_item', 3) }},
            {{ list_item('first_item', 4) }}
        ) is not null as is_usual
    from glanced_at

),

---------- any other answer

{% set thoughts = ['\\[think\\].*?(?:\\[/think\\]|\\z)'] %}
{% set thinking = ['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'reflection', 'analysis', 'scratchpad'] %}
{% for tag in thinking %}
    {%- do thoughts.append('<' ~ tag ~ '(?:\\s[^>]*)?>.*?(?:</' ~ tag ~ '>|\\z)') %}
{% endfor %}
thinking_cut as (

    -- a thought ends with its mark or, without one, never; what comes before an end without a beginning is one too
    select
        line_id,
        may_be_cut_off,
        document is not null as is_one_document,
        case
            when is_usual or provider_error is not null then null
            when document is not null then cast(document as string)
            else {{ regexp_replace_all(
                regexp_replace_all('text_content', '(?is)' ~ thoughts | join('|'), ''),
                '(?is)^.*(?:\\[/think\\]|</(?:' ~ thinking | join('|') ~ ')>)', ''
            ) }}
        end as answer_text
    from weighed

),

found as (

    {{ search_answers('thinking_cut', fields, header) | indent(4) }}

),

---------- both together

answered as (

    select
        weighed.*,
        case
            when weighed.is_usual then weighed.document
            when not found.has_several_answers then {{ json_or_null('found.own_list') }}
        end as answer,
        weighed.is_usual or coalesce(found.is_whole, false) as is_whole,
        coalesce(found.repeated_keys, 0) as repeated_keys,
        case
            when not weighed.is_json then 'the line is not JSON'
            when weighed.content is null then 'no content'
            when found.has_several_lists then 'several lists'
            when found.has_several_answers then 'several answers'
            when weighed.document is null and not coalesce(found.has_object, false) then 'not JSON'
            else 'no list of items'
        end as unreadable_because,
        {% for key in header -%}
            found.{{ key }} as found_{{ key }},
        {% endfor -%}
        {{ json_texts('weighed.document', ('$.' ~ header | join(' $.')).split(' ')) }} as header_texts
    from weighed
    left join found on weighed.line_id = found.line_id

),

picked as (

    select
        *,
        -- no BI tool takes a NUL in a text
        {% for key in header -%}
            replace(
                case when is_usual then {{ list_item('header_texts', loop.index) }} else found_{{ key }} end, chr(0), ''
            ) as {{ key }},
        {% endfor -%}
        {{ json_entries('answer', 'items', fields) }} as items
    from answered

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
        when may_be_cut_off and not is_whole then 'truncated'
        when items is null then 'unreadable'
        when {{ list_length('items') }} = 0 then 'empty'
        else 'extracted'
    end as status,
    finish_reason,
    case when items is null then unreadable_because end as unreadable_because,
    repeated_keys,
    cast(length(content) as bigint) as content_length,

    ---------- the receipt as a whole
    lower(trim(document_type)) as document_type,
    nullif(trim(merchant), '') as merchant,
    upper(trim(country)) as country,
    nullif({{ regexp_replace_all(
        'purchased_on', '^[' ~ odd_blanks() ~ ']+|[' ~ odd_blanks() ~ ']+$', ''
    ) }}, '') as purchased_on_raw,
    {{ read_time('purchased_at') }} as purchased_at,
    nullif(trim(receipt_number), '') as receipt_number,
    upper(trim(currency)) as currency,
    lower(trim(payment_method)) as payment_method,
    {% for key in amounts if key != 'taxes' -%}
        {{ key }} as {{ key }}_text,
    {% endfor -%}
    coalesce(nullif(taxes_as_numbers, ''), taxes) as taxes_text,
    -- a question that asks for it is answered with a null where there is none
    coalesce(content like '%"taxes"%', false) as is_tax_asked,

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
