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
        {{ json_texts('envelope', [
            '$.custom_id',
            '$.error',
            '$.response.status_code',
            '$.response.body.model',
            '$.response.body.created',
            '$.response.body.usage.prompt_tokens',
            '$.response.body.usage.completion_tokens',
            '$.response.body.choices[0].finish_reason',
            '$.response.body.choices[0].message.role',
            '$.response.body.choices[0].message.content',
            '$.response.body.choices[0].index',
        ]) }} as texts
    from parsed

),

choices as (

    -- of several choices that whose index is 0 counts, wherever it stands
    select
        *,
        {{ json_texts("case when " ~ list_item('texts', 11) ~ " <> '0' then envelope end", [
            '$.response.body.choices[1].index',
            '$.response.body.choices[1].finish_reason',
            '$.response.body.choices[1].message.role',
            '$.response.body.choices[1].message.content',
            '$.response.body.choices[2].index',
            '$.response.body.choices[2].finish_reason',
            '$.response.body.choices[2].message.role',
            '$.response.body.choices[2].message.content',
            '$.response.body.choices[3].index',
            '$.response.body.choices[3].finish_reason',
            '$.response.body.choices[3].message.role',
            '$.response.body.choices[3].message.content',
        ]) }} as others
    from picked

),

placed as (

    select
        *,
        case
            when {{ list_item('others', 1) }} = '0' then 1
            when {{ list_item('others', 5) }} = '0' then 2
            when {{ list_item('others', 9) }} = '0' then 3
            else 0
        end as choice_place
    from choices

),

named as (

    select
        ---------- ids
        md5(concat(file_id, ':', line_number)) as line_id,
        job_id,
        file_id,
        file_kind,
        line_number,
        nullif({{ list_item('texts', 1) }}, '') as custom_id,

        ---------- the provider's verdict
        trim(line) = '' or trim(line) = chr(13) as is_blank,
        envelope is not null as is_json,
        -- an error without a word in it is none
        case
            when {{ regexp_replace_all(
                list_item('texts', 2), '"[^"]*"\\s*:|null|none|None|false|\\b0\\b|[\\s{}\\[\\]",:]', ''
            ) }} <> ''
                then {{ list_item('texts', 2) }}
        end as error,
        try_cast({{ list_item('texts', 3) }} as integer) as status_code,

        ---------- the answer
        {{ list_item('texts', 4) }} as echoed_model,
        try_cast({{ list_item('texts', 5) }} as bigint) as answered_at_unix,
        try_cast({{ list_item('texts', 6) }} as bigint) as prompt_tokens,
        try_cast({{ list_item('texts', 7) }} as bigint) as completion_tokens,
        case choice_place
            when 0 then {{ list_item('texts', 8) }}
            when 1 then {{ list_item('others', 2) }}
            when 2 then {{ list_item('others', 6) }}
            when 3 then {{ list_item('others', 10) }}
        end as finish_reason,
        case choice_place
            when 0 then {{ list_item('texts', 9) }}
            when 1 then {{ list_item('others', 3) }}
            when 2 then {{ list_item('others', 7) }}
            when 3 then {{ list_item('others', 11) }}
        end as message_role,
        case choice_place
            when 0 then {{ list_item('texts', 10) }}
            when 1 then {{ list_item('others', 4) }}
            when 2 then {{ list_item('others', 8) }}
            when 3 then {{ list_item('others', 12) }}
        end as content,
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
