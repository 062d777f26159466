-- One row per answer with all that is known of it: its line, its currency, its cost, and whether it is a good one.
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

shared_words as (

    select * from {{ ref('int_currencies__shared_words') }}

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
        case
            when lines.document_type in ('receipt', 'refund', 'card_slip', 'other') then lines.document_type
        end as document_type,
        lines.purchased_on_raw,
        lines.purchased_at,
        lines.receipt_number,
        lines.payment_method,
        coalesce(lines.is_tax_asked, false) as is_tax_asked,
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
                then coalesce(sign_of_setting.currency, sign_of_country.currency, {{ unknown_currency() }})
            else coalesce(
                {{ said_currency('lines.currency_word', 'words') }},
                receipts.default_currency,
                countries.currency,
                {{ unknown_currency() }}
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
    left join shared_words as sign_of_setting
        on lines.currency_word = sign_of_setting.word and receipts.default_currency = sign_of_setting.currency
    left join shared_words as sign_of_country
        on lines.currency_word = sign_of_country.word and countries.currency = sign_of_country.currency
    left join model_prices on answers.model = model_prices.model

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
    is_good,

    ---------- what it says of the receipt
    document_type,
    merchant,
    {{ read_date('purchased_on_raw', 'currency') }} as purchased_on,
    purchased_on_raw,
    purchased_at,
    receipt_number,
    payment_method,
    is_tax_asked,
    currency,
    item_count,

    ---------- what it took
    prompt_tokens,
    completion_tokens,
    cost_usd,
    job_created_at,
    requested_at,
    answered_at
from joined
