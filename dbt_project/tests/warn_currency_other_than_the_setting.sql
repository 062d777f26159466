{{ config(severity="warn", store_failures=true) }}

-- Receipts whose answer names another currency than the setting, or a word that names none. `currency` is the one that
-- counts: the answer's, but the setting's where both print one sign or the word is not understood.
with answers as (

    select * from {{ ref('int_answers__ranked') }}
    where is_current

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}
    where currency is null and default_currency is not null

),

lines as (

    select
        line_id,
        currency,
        {{ currency_word('currency') }} as currency_word
    from {{ ref('int_output_lines__read') }}
    where {{ currency_word('currency') }} is not null

),

words as (

    select * from {{ ref('int_currencies__words') }}

),

shared_words as (

    select * from {{ ref('int_currencies__shared_words') }}

)

select
    receipts.receipt_id,
    receipts.source,
    receipts.source_key,
    lines.currency as answer_currency,
    receipts.default_currency,
    answers.currency
from answers
inner join receipts on answers.receipt_id = receipts.receipt_id
inner join lines on answers.line_id = lines.line_id
left join words on lines.currency_word = words.word
left join shared_words on lines.currency_word = shared_words.word and receipts.default_currency = shared_words.currency
where
    shared_words.currency is null
    and coalesce({{ said_currency('lines.currency_word', 'words') }}, '') <> receipts.default_currency
