{#
  Everything that engines spell differently stands in this folder, twelve macros in all, each behind
  adapter.dispatch: models and other macros are SQL that DuckDB and Spark both take.
#}

{# Text -> JSON value, or null where the text is not one JSON document. #}
{% macro json_or_null(text) -%}
    {{ adapter.dispatch('json_or_null')(text) }}
{%- endmacro %}

{% macro default__json_or_null(text) -%}
    try_cast({{ text }} as json)
{%- endmacro %}


{# JSON value -> list of the texts at these paths, in one pass; null where there is nothing or a JSON null. #}
{% macro json_texts(document, paths) -%}
    {{ adapter.dispatch('json_texts')(document, paths) }}
{%- endmacro %}

{% macro default__json_texts(document, paths) -%}
    json_extract_string({{ document }}, [
        {%- for path in paths %}
        '{{ path }}'{{ ',' if not loop.last }}
        {%- endfor %}
    ])
{%- endmacro %}


{# JSON text of a list of chunks -> the texts of the chunks that are no thinking, one after the other ('' for none). #}
{% macro json_chunks_joined(chunks) -%}
    {{ adapter.dispatch('json_chunks_joined')(chunks) }}
{%- endmacro %}

{% macro default__json_chunks_joined(chunks) -%}
    array_to_string(list_transform(
        list_filter(
            json_extract(try_cast({{ chunks }} as json), '$[*]'),
            lambda chunk: coalesce(json_extract_string(chunk, '$.type'), '') not in {{ _thinking_types() }}
            and coalesce(json_extract_string(chunk, '$.thought'), '') <> 'true'
        ),
        lambda chunk: json_extract_string(chunk, '$.text')
    ), '')
{%- endmacro %}

{# What chunks that hold a thought and no answer say of themselves. #}
{% macro _thinking_types() %}('thinking', 'redacted_thinking', 'thought', 'reasoning', 'reasoning_text'){% endmacro %}


{# JSON value and path -> whether a list stands there. #}
{% macro json_is_list(document, path) -%}
    {{ adapter.dispatch('json_is_list')(document, path) }}
{%- endmacro %}

{% macro default__json_is_list(document, path) -%}
    coalesce(json_type({{ document }}, '{{ path }}') = 'ARRAY', false)
{%- endmacro %}


{#
  Document -> its list of entries as a list of structs of texts (one field per name in `fields`), null where no
  such list is found. It may be the document itself, stand under `key` (a single object there or a document that
  is one entry counts as a list of one), or up to three objects deep under any other key: there the first list
  that is empty or whose first element has one of the fields, full ones first. An element that is no object
  becomes a null or a struct of nulls.
#}
{% macro json_entries(document, key, fields) -%}
    {{ adapter.dispatch('json_entries')(document, key, fields) }}
{%- endmacro %}

{% macro default__json_entries(document, key, fields) -%}
    from_json(
        coalesce(
            case when json_type({{ document }}, '$.{{ key }}') = 'ARRAY' then json_extract({{ document }}, '$.{{ key }}') end,
            case
                when
                    json_type({{ document }}) = 'ARRAY'
                    and (json_array_length({{ document }}) = 0 or {{ _has_field(document, '$[0]', fields) }})
                    then {{ document }}
            end,
            case
                when {{ _has_field(document, '$.' ~ key, fields) }}
                    then json_array(json_extract({{ document }}, '$.{{ key }}'))
                when {{ _has_field(document, '$', fields) }} then json_array({{ document }})
            end,
            list_filter(
                {{ _values_inside(document) }},
                lambda inside: json_type(inside) = 'ARRAY' and {{ _has_field('inside', '$[0]', fields) }}
            )[1],
            list_filter(
                {{ _values_inside(document) }},
                lambda inside: json_type(inside) = 'ARRAY' and json_array_length(inside) = 0
            )[1]
        ),
        '[{ {%- for field in fields %}"{{ field }}": "VARCHAR"{{ ', ' if not loop.last }}{% endfor -%} }]'
    )
{%- endmacro %}


{% macro _has_field(document, path, fields) -%}
    ({% for field in fields %}json_exists({{ document }}, '{{ path }}.{{ field }}'){{ ' or ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro _values_inside(document) -%}
    list_concat(
        json_extract({{ document }}, '$.*'),
        json_extract({{ document }}, '$.*.*'),
        json_extract({{ document }}, '$.*.*.*')
    )
{%- endmacro %}
