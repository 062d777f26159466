{# A sign as it is compared: in small letters, but for a bare letter (G may be a guaraní, g is a gram). #}
{% macro sign_key(text) -%}
    case when {{ regexp_first(text, '^[A-Za-z]$') }} <> '' then {{ text }} else lower({{ text }}) end
{%- endmacro %}
