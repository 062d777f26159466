-- One row per receipt on which people set something right: its current answer as they left it, if it has one.
{% set texts = ['merchant', 'purchased_at', 'receipt_number', 'payment_method'] %}
{% set amounts = ['subtotal', 'tax', 'tip', 'service_charge', 'rounding', 'total'] %}
with corrections as (

    select * from {{ ref('int_corrections__standing') }}

),

answers as (

    select * from {{ ref('int_answers__ranked') }}
    where is_current

),

items as (

    select * from {{ ref('int_items__corrected') }}

),

receipts as (

    select * from {{ ref('int_receipts__latest') }}

),

changes as (

    select
        receipt_id,
        {% for field in texts + amounts + ['purchased_on'] -%}
            max(case when field = '{{ field }}' then 1 else 0 end) = 1 as is_{{ field }}_corrected,
            max(case when field = '{{ field }}' then value end) as {{ field }},
        {% endfor -%}
        max(case when field = 'accepted' then 1 else 0 end) = 1 as is_accepted,
        max(case when field = 'not_a_receipt' then 1 else 0 end) = 1 as is_no_receipt
    from corrections
    group by receipt_id

),

header as (

    select
        changes.receipt_id,
        {% for field in texts -%}
            case
                when changes.is_{{ field }}_corrected then changes.{{ field }} else answers.{{ field }}
            end as {{ field }},
        {% endfor -%}
        case
            when changes.is_purchased_on_corrected then try_cast(changes.purchased_on as date)
            else answers.purchased_on
        end as purchased_on,
        {% for field in amounts -%}
            case
                when changes.is_{{ field }}_corrected then {{ corrected_amount('changes.' ~ field) }}
                else answers.{{ field }}
            end as {{ field }},
        {% endfor -%}
        coalesce(answers.currency, receipts.currency, receipts.default_currency, {{ unknown_currency() }}) as currency,
        changes.is_accepted,
        changes.is_no_receipt
    from changes
    inner join receipts on changes.receipt_id = receipts.receipt_id
    left join answers on changes.receipt_id = answers.receipt_id

),

---------- the verdict, by the rules for what was read; a receipt stands in the place of its answer

as_answers as (

    select
        receipt_id as answer_id,
        true as is_good,
        true as is_tax_asked,
        currency,
        payment_method
    from header

),

as_items as (

    select
        receipt_id as answer_id,
        price,
        reason
    from items

),

as_amounts as (

    {% for field in amounts -%}
        select
            receipt_id as answer_id,
            '{{ field }}' as kind,
            {{ field }} as amount,
            cast(null as string) as reason
        from header
        where {{ field }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

verdicts as (

    {{ reconciled('as_answers', 'as_items', 'as_amounts', ref('currencies')) | indent(4) }}

),

kept as (

    select distinct receipt_id from items
    where reason is null

)

select
    ---------- ids
    header.receipt_id,
    answers.answer_id,
    answers.custom_id,

    ---------- what it says of the receipt
    header.merchant,
    header.purchased_on,
    header.purchased_at,
    header.receipt_number,
    header.payment_method,
    header.currency,
    header.subtotal,
    header.tax,
    header.tip,
    header.service_charge,
    header.rounding,
    header.total,
    verdicts.reconciliation,
    verdicts.unexplained,

    ---------- what became of it
    case when answers.answer_id is null then 'extracted' else answers.status end as status,
    answers.answer_id is not null or kept.receipt_id is not null as is_current,
    header.is_accepted,
    header.is_no_receipt,
    answers.model,
    answers.requested_at,
    answers.answered_at
from header
inner join verdicts on header.receipt_id = verdicts.answer_id
left join answers on header.receipt_id = answers.receipt_id
left join kept on header.receipt_id = kept.receipt_id
