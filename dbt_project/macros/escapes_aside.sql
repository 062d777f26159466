{# JSON text with control characters for the escapes \\ and \": a string is then what stands between two quotes. #}
{% macro escapes_aside(text) -%}
    replace(replace({{ text }}, concat(chr(92), chr(92)), chr(1)), concat(chr(92), chr(34)), chr(2))
{%- endmacro %}

{% macro escapes_back(text) -%}
    replace(replace({{ text }}, chr(2), concat(chr(92), chr(34))), chr(1), concat(chr(92), chr(92)))
{%- endmacro %}
