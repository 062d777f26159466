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
            '$.error.message',
            '$.response.status_code',
            '$.response.body.message',
            '$.response.body.detail',
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
        {{ list_item('texts', 3) }} as error_message,
        try_cast({{ list_item('texts', 4) }} as integer) as status_code,
        {{ list_item('texts', 5) }} as body_message,
        {{ list_item('texts', 6) }} as body_detail,

        ---------- the answer
        {{ list_item('texts', 7) }} as echoed_model,
        try_cast({{ list_item('texts', 8) }} as bigint) as answered_at_unix,
        try_cast({{ list_item('texts', 9) }} as bigint) as prompt_tokens,
        try_cast({{ list_item('texts', 10) }} as bigint) as completion_tokens,
        {{ list_item('texts', 11) }} as finish_reason,
        {{ list_item('texts', 12) }} as message_role,
        {{ list_item('texts', 13) }} as content,
        envelope,

        ---------- when
        load_id,
        landed_at
    from picked

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
        when error is not null then coalesce(error_message, error)
        when status_code >= 400
            then coalesce(body_message, body_detail, concat('HTTP status ', status_code))
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
from named
