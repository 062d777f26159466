-- One row per answer with all that is known of it: its line, its currency, its cost, and whether it is the
-- one that counts for its receipt.
with answers as (

    select * from {{ ref('int_answers__matched') }}

),

lines as (

    select
        *,
        {{ currency_word('currency') }} as currency_word
    from {{ ref('int_output_lines__read') }}

),

jobs as (

    select * from {{ ref('int_batch_jobs__latest') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

words as (

    select * from {{ ref('int_currencies__words') }}

),

signs as (

    select * from {{ ref('int_currencies__signs') }}

),

countries as (

    select * from {{ ref('countries') }}

),

model_prices as (

    select * from {{ ref('model_prices') }}

),

joined as (

    select
        answers.*,
        lines.file_id,
        lines.line_number,
        lines.provider_error,
        lines.unreadable_because,
        lines.finish_reason,
        lines.merchant,
        lines.purchased_on_raw,
        case
            when lines.total_text like 'number:%' then substr(lines.total_text, 8)
            else lines.total_text
        end as total_raw,
        coalesce(lines.total_text like 'number:%', false) as is_total_number,
        coalesce(lines.item_count, 0) as item_count,
        lines.content_length,
        lines.prompt_tokens,
        lines.completion_tokens,
        -- an unknown model has an unknown cost; an answer without tokens costs nothing; narrow decimals, so that no
        -- engine rounds on the way
        case
            when lines.line_id is not null
                then cast(
                    (
                        try_cast(coalesce(lines.prompt_tokens, 0) as decimal(12, 0))
                        * cast(model_prices.input_usd_per_million as decimal(12, 6))
                        + try_cast(coalesce(lines.completion_tokens, 0) as decimal(12, 0))
                        * cast(model_prices.output_usd_per_million as decimal(12, 6))
                    )
                    * cast(1 - model_prices.batch_discount as decimal(8, 6)) * 0.000001 as decimal(18, 8)
                )
        end as cost_usd,
        -- the first that says one: the source, the answer, the setting, the answer's country
        case
            when receipts.currency is not null then receipts.currency
            -- a model reads USD on a receipt from Singapore: where they print one sign, the setting knows better
            when said_by_answer.shared_symbol = said_by_setting.shared_symbol
                then receipts.default_currency
            -- a sign of many currencies is one of them and no other
            when words.word is not null and words.currency is null
                then coalesce(sign_of_setting.currency, sign_of_country.currency, 'XXX')
            else coalesce(
                {{ said_currency('lines.currency_word', 'words') }},
                receipts.default_currency,
                countries.currency,
                'XXX'
            )
        end as currency,
        coalesce(jobs.created_at, answers.requested_at) as job_created_at,
        case
            when lines.line_id is not null
                then coalesce(lines.answered_at, jobs.completed_at, lines.landed_at)
        end as answered_at,
        answers.receipt_id is not null and (
            answers.status in ('extracted', 'empty')
            or (answers.status = 'truncated' and lines.item_count > 0)
        ) as is_good
    from answers
    left join lines on answers.line_id = lines.line_id
    left join jobs on answers.job_id = jobs.job_id
    left join receipts on answers.receipt_id = receipts.receipt_id
    left join words on lines.currency_word = words.word
    left join countries on lines.country = countries.country
    left join currencies as said_by_answer on words.currency = said_by_answer.currency
    left join currencies as said_by_setting on receipts.default_currency = said_by_setting.currency
    left join signs as sign_of_setting
        on lines.currency_word = sign_of_setting.word and receipts.default_currency = sign_of_setting.currency
    left join signs as sign_of_country
        on lines.currency_word = sign_of_country.word and countries.currency = sign_of_country.currency
    left join model_prices on answers.model = model_prices.model

),

ranked as (

    select
        *,
        row_number() over (
            partition by coalesce(receipt_id, answer_id)
            order by
                case when is_good then 0 else 1 end asc,
                case when is_good and model = 'local-ocr' then 1 else 0 end asc,
                case when is_good and status = 'truncated' then 1 else 0 end asc,
                job_created_at desc nulls last,
                attempt desc nulls last,
                file_id desc nulls last,
                line_number desc nulls last,
                answer_id asc
        ) as receipt_rank
    from joined

)

select
    ---------- ids
    answer_id,
    custom_id,
    receipt_id,
    job_id,
    line_id,
    file_id,
    line_number,
    attempt,
    model,
    prompt_id,

    ---------- what became of it
    status,
    finish_reason,
    unmatched_because,
    provider_error,
    unreadable_because,
    content_length,
    receipt_rank,
    is_good and receipt_rank = 1 as is_current,

    ---------- what it says of the receipt
    merchant,
    {{ read_date('purchased_on_raw', 'currency') }} as purchased_on,
    purchased_on_raw,
    currency,
    total_raw,
    is_total_number,
    item_count,

    ---------- what it took
    prompt_tokens,
    completion_tokens,
    cost_usd,
    requested_at,
    answered_at
from ranked
