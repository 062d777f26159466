{#
  Patterns are written for RE2 and Java alike: no lookaround, no possessive quantifiers, \x{…} for code points.
  They are passed as plain text; each engine quotes them its own way.
#}

{# Text and pattern -> the first match of the group (0: of the whole), '' where there is none, null for null. #}
{% macro regexp_first(text, pattern, group=0) -%}
    {{ adapter.dispatch('regexp_first')(text, pattern, group) }}
{%- endmacro %}

{% macro default__regexp_first(text, pattern, group) -%}
    regexp_extract({{ text }}, '{{ pattern | replace("'", "''") }}', {{ group }})
{%- endmacro %}


{# Text and pattern -> list of all that it matches, whole; null for null. #}
{% macro regexp_all(text, pattern) -%}
    {{ adapter.dispatch('regexp_all')(text, pattern) }}
{%- endmacro %}

{% macro default__regexp_all(text, pattern) -%}
    regexp_extract_all({{ text }}, '{{ pattern | replace("'", "''") }}')
{%- endmacro %}


{# Text with every match of the pattern replaced; \1, \2 … in the replacement are the groups, and it has no $. #}
{% macro regexp_replace_all(text, pattern, replacement) -%}
    {{ adapter.dispatch('regexp_replace_all')(text, pattern, replacement) }}
{%- endmacro %}

{% macro default__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern | replace("'", "''") }}', '{{ replacement | replace("'", "''") }}', 'g')
{%- endmacro %}


{# Unix seconds (BIGINT) -> TIMESTAMP in UTC; null for null and for what is no moment before the year 3000. #}
{% macro unix_to_timestamp(seconds) -%}
    {{ adapter.dispatch('unix_to_timestamp')(seconds) }}
{%- endmacro %}

{% macro default__unix_to_timestamp(seconds) -%}
    make_timestamp(case when {{ seconds }} between 0 and 32503680000 then {{ seconds }} end * 1000000)
{%- endmacro %}
