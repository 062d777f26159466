{{ config(post_hook='{{ note_line_rules() }}') }}

-- what is read from a line, by name
{% set body = '$.response.body' %}
{% set paths = {
    'custom_id': '$.custom_id',
    'error': '$.error',
    'status_code': '$.response.status_code',
    'echoed_model': body ~ '.model',
    'answered_at_unix': body ~ '.created',
    'prompt_tokens': body ~ '.usage.prompt_tokens',
    'completion_tokens': body ~ '.usage.completion_tokens',
} %}
{% set of_a_choice = {
    'place': 'index', 'finish_reason': 'finish_reason', 'message_role': 'message.role', 'content': 'message.content'
} %}
{% set other_choices = [1, 2, 3] %}
{% set other_paths = {} %}
{% for name, path in of_a_choice.items() %}
    {% do paths.update({name ~ '_0': body ~ '.choices[0].' ~ path}) %}
    {% for choice in other_choices %}
        {% do other_paths.update({name ~ '_' ~ choice: body ~ '.choices[' ~ choice ~ '].' ~ path}) %}
    {% endfor %}
{% endfor %}

with lines as (

    select * from {{ source('raw', 'batch_output') }}

),

parsed as (

    select
        *,
        -- a byte order mark and odd spaces before the first brace are not the answer's fault, nor are half surrogates
        -- and control characters in it
        coalesce(
            {{ json_or_null(
                "case when line like '{%' then line else "
                ~ regexp_replace_all('line', '^[\\s\\x{FEFF}\\p{Z}]+', '') ~ " end"
            ) }},
            {{ json_or_null(surrogates_mended(
                regexp_replace_all(regexp_replace_all('line', '^[\\s\\x{FEFF}\\p{Z}]+', ''), '[\\x00-\\x1F\\x7F]', ' ')
            )) }}
        ) as envelope
    from lines

),

picked as (

    select
        *,
        {{ json_texts('envelope', paths.values() | list) }} as texts
    from parsed

),

picked_by_name as (

    select
        {% for name in paths -%}
            {{ list_item('texts', loop.index) }} as text_{{ name }},
        {% endfor -%}
        picked.*
    from picked

),

-- of several choices that whose index is 0 counts, wherever it stands
choices as (

    select
        *,
        {{ json_texts("case when text_place_0 <> '0' then envelope end", other_paths.values() | list) }} as others
    from picked_by_name

),

choices_by_name as (

    select
        {% for name in other_paths -%}
            {{ list_item('others', loop.index) }} as text_{{ name }},
        {% endfor -%}
        choices.*
    from choices

),

placed as (

    select
        *,
        case
            {% for choice in other_choices -%}
                when text_place_{{ choice }} = '0' then {{ choice }}
            {% endfor -%}
            else 0
        end as choice_place
    from choices_by_name

),

named as (

    select
        ---------- ids
        md5(concat(file_id, ':', line_number)) as line_id,
        job_id,
        file_id,
        file_kind,
        line_number,
        nullif(text_custom_id, '') as custom_id,

        ---------- the provider's verdict
        -- to trim a long line takes longer than to parse it
        case when envelope is null then trim(line) in ('', chr(13)) else false end as is_blank,
        envelope is not null as is_json,
        -- an error without a word in it is none
        case
            when {{ regexp_replace_all(
                'text_error', '"[^"]*"\\s*:|null|none|None|false|\\b0\\b|[\\s{}\\[\\]",:]', ''
            ) }} <> ''
                then text_error
        end as error,
        try_cast(text_status_code as integer) as status_code,

        ---------- the answer
        text_echoed_model as echoed_model,
        try_cast(text_answered_at_unix as bigint) as answered_at_unix,
        try_cast(text_prompt_tokens as bigint) as prompt_tokens,
        try_cast(text_completion_tokens as bigint) as completion_tokens,
        {% for name in of_a_choice if name != 'place' -%}
            case choice_place
                when 0 then text_{{ name }}_0
                {% for choice in other_choices -%}
                    when {{ choice }} then text_{{ name }}_{{ choice }}
                {% endfor -%}
            end as {{ name }},
        {% endfor -%}
        envelope,
        choice_place,

        ---------- when
        load_id,
        landed_at
    from placed

),

-- the words of an error stand in `error` or in the body, each a text, an object or the JSON of one as a text
told as (

    select
        *,
        case when error is not null then {{ words_of_error('error') }} end as error_words,
        case
            when error is not null or status_code >= 400
                then {{ words_of_error(list_item(json_texts('envelope', ['$.response.body']), 1)) }}
        end as body_words
    from named

)

select
    line_id,
    job_id,
    file_id,
    file_kind,
    line_number,
    custom_id,
    is_blank,
    is_json,
    -- an answer is a message without any sign of an error beside it
    case
        when error is not null or status_code >= 400
            then coalesce(
                {{ words_within('error_words') }},
                {{ words_within('body_words') }},
                case when status_code >= 400 then concat('HTTP status ', status_code) end,
                error
            )
        when lower(trim(finish_reason)) = 'error' then 'finish_reason is error'
        when
            lower({{ regexp_replace_all('finish_reason', '[^a-zA-Z]+', '') }}) in ('contentfilter', 'safety')
            and coalesce(content, '') = ''
            then concat('finish_reason is ', finish_reason)
        when is_json and coalesce(finish_reason, message_role, content) is null
            then 'the response holds no message'
    end as provider_error,
    echoed_model,
    {{ unix_to_timestamp('answered_at_unix') }} as answered_at,
    prompt_tokens,
    completion_tokens,
    finish_reason,
    -- chunked content is a list in the envelope; a bare list of items is a text that looks like one
    case
        when
            content like '[%'
            and case choice_place
                {% for place in range(4) -%}
                    when {{ place }}
                        then {{ json_is_list('envelope', '$.response.body.choices[' ~ place ~ '].message.content') }}
                {% endfor %}
            end
            then nullif({{ json_chunks_joined('content') }}, '')
        else nullif(content, '')
    end as content,
    load_id,
    landed_at
from told
