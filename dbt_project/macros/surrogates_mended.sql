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
