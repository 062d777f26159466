{# Whether the groups of a number, made by either mark, have as many digits as they may (rule 3). #}
{% macro is_grouped(digits) -%}
    {{ regexp_first(digits, '^[0-9]{1,3}(?:[.,][0-9]{3})+$') }} <> ''
    or (groups_by_two and {{ regexp_first(digits, '^[0-9]{1,3}(?:[.,][0-9]{2,3})*[.,][0-9]{3}$') }} <> '')
{%- endmacro %}
