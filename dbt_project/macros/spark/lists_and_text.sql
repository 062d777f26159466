{# Lists, patterns and times on Spark. Lists count from 0 here, so that positions are moved by one. #}

{% macro spark__list_item(list, position) -%}
    get({{ list }}, {{ position }} - 1)
{%- endmacro %}

{% macro spark__list_length(list) -%}
    cast(case when {{ list }} is not null then size({{ list }}) end as bigint)
{%- endmacro %}

{% macro spark__select_unnested(relation, columns, list) -%}
    select
        {{ columns | join(', ') }},
        unnested.element,
        cast(unnested.place + 1 as bigint) as position
    from {{ relation }}
    lateral view posexplode({{ list }}) unnested as place, element
{%- endmacro %}


{% macro spark__regexp_first(text, pattern, group) -%}
    regexp_extract({{ text }}, {{ _spark_text(_as_everywhere(pattern)) }}, {{ group }})
{%- endmacro %}

{% macro spark__regexp_all(text, pattern) -%}
    regexp_extract_all({{ text }}, {{ _spark_text(_as_everywhere(pattern)) }}, 0)
{%- endmacro %}

{# Groups in the replacement are $1 here, not \1 (and not ${1}, which Spark takes for a variable). #}
{% macro spark__regexp_replace_all(text, pattern, replacement) -%}
    {%- if '$' in replacement -%}
        {{ exceptions.raise_compiler_error('regexp_replace_all: no $ in a replacement, engines write it in two ways') }}
    {%- endif -%}
    {%- set replacement = modules.re.sub('\\\\([0-9])', '$\\1', replacement) -%}
    regexp_replace({{ text }}, {{ _spark_text(_as_everywhere(pattern)) }}, {{ _spark_text(replacement) }})
{%- endmacro %}

{#
  The pattern with the meaning that RE2 gives it. \s are five characters (in Rust all of Unicode's spaces), and $ is
  the very end (in Java also before a last line end). In a class \s stands first.
#}
{% macro _as_everywhere(pattern) -%}
    {{ return(
        modules.re.sub('(?<!\\\\)\\[\\\\s', '[ \\\\t\\\\n\\\\f\\\\r', modules.re.sub('\\$(?=\\)|\\Z)', '\\\\z', pattern))
        | replace('\\s', '[ \\t\\n\\f\\r]')
    ) }}
{%- endmacro %}

{# A text as a literal: quotes and backslashes are escaped by a backslash. #}
{% macro _spark_text(text) -%}
    {{ return("'" ~ (text | replace('\\', '\\\\') | replace("'", "\\'")) ~ "'") }}
{%- endmacro %}


{% macro spark__unix_to_timestamp(seconds) -%}
    timestamp_seconds(case when {{ seconds }} between 0 and 32503680000 then {{ seconds }} end)
{%- endmacro %}
