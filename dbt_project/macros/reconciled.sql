{#
  Whether the items of a receipt add up to what was to be paid: a select of one row per row of `answers` (answer_id,
  is_good, is_tax_asked, currency, payment_method), over their `items` (answer_id, price, reason) and the `amounts` that
  they print (answer_id, kind, amount, reason). Of what was read, and of what people made of it, alike.

  With S the sum of the kept items, a receipt is balanced when its total is S, or S with tax, or either with tip, with
  service charge or with both; a printed rounding always counts. Without a total S must be the subtotal.
#}
{% macro reconciled(answers, items, amounts, currencies) %}
with answers as (

    select * from {{ answers }}

),

items as (

    select * from {{ items }}

),

amounts as (

    select * from {{ amounts }}

),

currencies as (

    select * from {{ currencies }}

),

kept as (

    select
        answer_id,
        count(*) as item_count,
        sum(price) as spend
    from items
    where reason is null
    group by answer_id

),

printed as (

    -- one that cannot be read counts as not printed
    select
        answer_id,
        {% for kind in ['subtotal', 'tip', 'service_charge', 'rounding', 'total'] -%}
            max(case when kind = '{{ kind }}' then amount end) as {{ kind }},
        {% endfor -%}
        cast(sum(case when kind = 'tax' then amount end) as decimal(18, 3)) as tax
    from amounts
    where reason is null
    group by answer_id

),

joined as (

    select
        answers.answer_id,
        answers.is_good,
        answers.is_tax_asked,
        printed.subtotal,
        printed.tax,
        printed.tip,
        printed.service_charge,
        printed.rounding,
        printed.total,
        coalesce(kept.item_count, 0) as item_count,
        coalesce(kept.spend, 0) as spend,
        coalesce(currencies.cash_rounding, 0) as cash_rounding,
        coalesce(
            {{ regexp_first('answers.payment_method', 'card|karte|visa|maestro|amex|american express|credit|debit') }} <> '', false
        ) as is_paid_by_card
    from answers
    left join kept on answers.answer_id = kept.answer_id
    left join printed on answers.answer_id = printed.answer_id
    left join currencies on answers.currency = currencies.currency

),

counted as (

    -- charges have the sign of the total and are below it; a rounding is no more than cash needs; else they don't count
    select
        *,
        {% for charge in ['tax', 'tip', 'service_charge'] -%}
            case
                when sign({{ charge }}) = sign(total) and abs({{ charge }}) < abs(total) then {{ charge }} else 0
            end as counted_{{ charge }},
        {% endfor -%}
        total - spend - case when abs(rounding) <= cash_rounding then rounding else 0 end as total_less_spend,
        case
            when rounding is not null or is_paid_by_card then 0 else cash_rounding / 2
        end as tolerance
    from joined

),

-- the ways to come to a total, those of the fewest parts first, and what each leaves
{% set charges = [
    [], ['tax'], ['tip'], ['service_charge'], ['tax', 'tip'], ['tax', 'service_charge'], ['tip', 'service_charge'],
    ['tax', 'tip', 'service_charge'],
] %}
{% set differences = [] %}
{% for parts in charges %}
    {% set counted_parts = [] %}
    {% for part in parts %}{% do counted_parts.append(' - counted_' ~ part) %}{% endfor %}
    {% do differences.append('total_less_spend' ~ counted_parts | join) %}
{% endfor %}
closest as (

    select
        *,
        least(
            {% for difference in differences -%}
                abs({{ difference }}){{ ',' if not loop.last }}
            {% endfor %}
        ) as closest_difference
    from counted

),

judged as (

    select
        *,
        case
            {% for difference in differences -%}
                when abs({{ difference }}) = closest_difference then {{ difference }}
            {% endfor -%}
            else subtotal - spend
        end as difference,
        case
            when not is_good or item_count = 0 or coalesce(total, subtotal) is null then 'unknown'
            when total is not null and closest_difference <= tolerance then 'balanced'
            when total is null and spend = subtotal then 'balanced'
            when not is_tax_asked then 'unknown'
            else 'off'
        end as reconciliation
    from closest

)

select
    answer_id,
    subtotal,
    tax,
    tip,
    service_charge,
    rounding,
    total,
    reconciliation,
    cast(
        case reconciliation when 'off' then difference when 'balanced' then 0 end as decimal(18, 3)
    ) as unexplained
from judged
{% endmacro %}
