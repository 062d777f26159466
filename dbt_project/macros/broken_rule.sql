{# What the test valid_rows asks of rows, as SQL: the name of the first rule that a row breaks, else null. #}
{% macro broken_rule(not_null, accepted_values, currency_codes, conditions) -%}
    {%- set rules = {} -%}
    {%- for column in not_null %}{% do rules.update({column ~ ' is null': column ~ ' is null'}) %}{% endfor -%}
    {%- for column, values in accepted_values.items() -%}
        {%- do rules.update({column ~ ' is another value': column ~ " not in ('" ~ values | join("', '") ~ "')"}) -%}
    {%- endfor -%}
    {%- for column in currency_codes -%}
        {%- do rules.update({column ~ ' is no code': regexp_first(column, '^[A-Z]{3}$') ~ " = ''"}) -%}
    {%- endfor -%}
    {%- for sql in conditions %}{% do rules.update({sql ~ ' is false': 'not (' ~ sql ~ ')'}) %}{% endfor -%}
    case
        {%- for rule, is_broken in rules.items() %}
        when {{ is_broken }} then '{{ rule | replace("'", "''") }}'
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}

{# The values of a row's key as one text. #}
{% macro row_key(columns) -%}
    {%- set texts = [] -%}
    {%- for column in columns %}{% do texts.append("coalesce(cast(" ~ column ~ " as string), '')") %}{% endfor -%}
    concat({{ (texts or ["''"]) | join(", ' ', ") }})
{%- endmacro %}
