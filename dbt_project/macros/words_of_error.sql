{#
  Text of an error -> its words, null where it has none. The text is plain, or JSON that holds the words under one of
  the usual keys, at any depth: the most telling key counts, and of several entries the first. Only its beginning is
  looked at.
#}
{% macro words_of_error(text) -%}
    {%- set beginning = 'substr(' ~ text ~ ', 1, 4000)' -%}
    {%- set string = '\\s*:\\s*\\[?\\s*"([^"\\\\]*(?:\\\\.[^"\\\\]*)*)"' -%}
    case
        when substr({{ text }}, 1, 1) in ('{', '[')
            then nullif({{ list_item(json_texts(json_or_null(
                "concat('[\"', coalesce("
                ~ "nullif(" ~ regexp_first(beginning, '"message"' ~ string, 1) ~ ", ''), "
                ~ "nullif(" ~ regexp_first(beginning, '"msg"' ~ string, 1) ~ ", ''), "
                ~ "nullif(" ~ regexp_first(beginning, '"(?:detail|error|errors|description|reason|title)"' ~ string, 1)
                ~ ", '')), '\"]')"
            ), ['$[0]']), 1) }}, '')
        else nullif(trim({{ text }}), '')
    end
{%- endmacro %}


{# Words of an error -> the same; where they are JSON once more, the words in it. #}
{% macro words_within(words) -%}
    case when substr({{ words }}, 1, 1) = '{' then coalesce({{ words_of_error(words) }}, {{ words }}) else {{ words }} end
{%- endmacro %}
