{#
  JSON has no 25.000, only 25.0: a number becomes text before anything parses it, with a mark before it that tells it from a
  text, since a number may carry an exponent and a printed price may not.
#}

{# JSON text -> the same with the numbers at these keys as marked texts; `blanks` is what may stand around the colon. #}
{% macro numbers_as_texts(json, keys, blanks='\\s') -%}
    {{ regexp_replace_all(
        json,
        '("(?:' ~ keys | join('|') ~ ')"[' ~ blanks ~ ']*:[' ~ blanks ~ ']*)'
            ~ '(-?[0-9][0-9.eE+-]*(?:,[0-9][0-9.eE+-]*)*)',
        '\\1"number:\\2"',
    ) }}
{%- endmacro %}

{# A number's literal as such a text. #}
{% macro number_as_text(literal) -%}
    concat('number:', {{ literal }})
{%- endmacro %}

{# Such a text as it was written: without the mark. #}
{% macro as_written(text) -%}
    case when {{ text }} like 'number:%' then substr({{ text }}, 8) else {{ text }} end
{%- endmacro %}

{# Whether such a text was a number; null for null. #}
{% macro was_number(text) -%}
    {{ text }} like 'number:%'
{%- endmacro %}

{# JSON text in which a number and a text that say the same are alike. #}
{% macro numbers_like_texts(json) -%}
    replace({{ json }}, '"number:', '"')
{%- endmacro %}
