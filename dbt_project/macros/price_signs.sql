{# A sign as it is compared: in small letters, but for a bare letter (G may be a guaraní, g is a gram). #}
{% macro sign_key(text) -%}
    case when {{ regexp_first(text, '^[A-Za-z]$') }} <> '' then {{ text }} else lower({{ text }}) end
{%- endmacro %}


{# Whether the groups of a number, made by either mark, have as many digits as they may (rule 3). #}
{% macro is_grouped(digits) -%}
    {{ regexp_first(digits, '^[0-9]{1,3}(?:[.,][0-9]{3})+$') }} <> ''
    or (groups_by_two and {{ regexp_first(digits, '^[0-9]{1,3}(?:[.,][0-9]{2,3})*[.,][0-9]{3}$') }} <> '')
{%- endmacro %}
