{# What an amount adds to spend: on a refund all that has no sign is given back. #}
{% macro signed_amount(amount, document_type) -%}
    case when {{ document_type }} = 'refund' and {{ amount }} > 0 then -{{ amount }} else {{ amount }} end
{%- endmacro %}
