{#
  JSON text whose lone halves of surrogate pairs (`\ud83d`), which no parser takes, are U+FFFD. Whole pairs stay, and so
  does an escaped backslash before a u. The control characters that help stand in no JSON.
#}
{% macro surrogates_mended(text) -%}
    {%- set backslash = 'chr(92)' -%}
    {%- set bare = "replace(" ~ text ~ ", concat(" ~ backslash ~ ", " ~ backslash ~ "), chr(1))" -%}
    {%- set pairs_aside = regexp_replace_all(
        bare, '\\\\(u[dD][89abAB][0-9a-fA-F]{2})\\\\(u[dD][c-fC-F][0-9a-fA-F]{2})', '\u0002\\1\u0002\\2'
    ) -%}
    {%- set mended = regexp_replace_all(pairs_aside, '\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\uFFFD') -%}
    replace(replace({{ mended }}, chr(2), {{ backslash }}), chr(1), concat({{ backslash }}, {{ backslash }}))
{%- endmacro %}

{# JSON text with control characters for the escapes \\ and \": a string is then what stands between two quotes. #}
{% macro escapes_aside(text) -%}
    replace(replace({{ text }}, concat(chr(92), chr(92)), chr(1)), concat(chr(92), chr(34)), chr(2))
{%- endmacro %}

{% macro escapes_back(text) -%}
    replace(replace({{ text }}, chr(2), concat(chr(92), chr(34))), chr(1), concat(chr(92), chr(92)))
{%- endmacro %}
