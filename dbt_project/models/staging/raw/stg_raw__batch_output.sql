with lines as (

    select * from {{ source('raw', 'batch_output') }}

),

parsed as (

    select
        *,
        -- a byte order mark and odd spaces before the first brace are not the answer's fault
        {{ json_or_null(
            "case when line like '{%' then line else "
            ~ regexp_replace_all('line', '^[\\s\\x{FEFF}\\p{Z}]+', '') ~ " end"
        ) }} as envelope
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
        ]) }} as texts
    from parsed

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
        nullif(nullif({{ list_item('texts', 2) }}, ''), '{}') as error,
        try_cast({{ list_item('texts', 3) }} as integer) as status_code,

        ---------- the answer
        {{ list_item('texts', 4) }} as echoed_model,
        try_cast({{ list_item('texts', 5) }} as bigint) as answered_at_unix,
        try_cast({{ list_item('texts', 6) }} as bigint) as prompt_tokens,
        try_cast({{ list_item('texts', 7) }} as bigint) as completion_tokens,
        {{ list_item('texts', 8) }} as finish_reason,
        {{ list_item('texts', 9) }} as message_role,
        {{ list_item('texts', 10) }} as content,
        envelope,

        ---------- when
        load_id,
        landed_at
    from picked

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
        when finish_reason = 'error' then 'finish_reason is error'
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
            and {{ json_is_list('envelope', '$.response.body.choices[0].message.content') }}
            then nullif({{ json_chunks_joined('content') }}, '')
        else nullif(content, '')
    end as content,
    load_id,
    landed_at
from told
