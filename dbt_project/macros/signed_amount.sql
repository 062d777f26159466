{# What an amount adds to spend: on a refund all that has no sign is given back. #}
{% macro signed_amount(amount, document_type) -%}
    cast(
        case when {{ document_type }} = 'refund' and {{ amount }} > 0 then 0 - {{ amount }} else {{ amount }} end
        as decimal(18, 3)
    )
{%- endmacro %}
