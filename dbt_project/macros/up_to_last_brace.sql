{#
  JSON that was cut off somewhere, up to its last closing brace outside of a string; '' where there is none.

  Three control characters, which stand in no JSON, help: \1 and \2 stand for the escapes \\ and \" (a string is then
  what stands between two quotes), and \3 comes after every string and brace, and goes again after the strings. A
  quote at the end closes the string that may be cut off.
  One pattern for it all would be shorter, but Java's engine recurses in it for every string.
#}
{% macro up_to_last_brace(text) -%}
    {%- set backslash, quote = 'chr(92)', 'chr(34)' -%}
    {%- set bare = "replace(replace(" ~ text ~ ", concat(" ~ backslash ~ ", " ~ backslash ~ "), chr(1)), concat("
        ~ backslash ~ ", " ~ quote ~ "), chr(2))" -%}
    {%- set braces_marked = "replace(" ~ regexp_replace_all("concat(" ~ bare ~ ", chr(34))", '("[^"]*"?|\\})', '\\1\u0003')
        ~ ", concat(" ~ quote ~ ", chr(3)), " ~ quote ~ ")" -%}
    {%- set cut = "replace(" ~ regexp_first(braces_marked, '(?s)^.*\u0003') ~ ", chr(3), '')" -%}
    replace(replace({{ cut }}, chr(2), concat({{ backslash }}, {{ quote }})), chr(1), concat({{ backslash }}, {{ backslash }}))
{%- endmacro %}
