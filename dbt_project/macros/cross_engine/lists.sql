{# List and position (from 1) -> that element, null where the list ends before. #}
{% macro list_item(list, position) -%}
    {{ adapter.dispatch('list_item')(list, position) }}
{%- endmacro %}

{% macro default__list_item(list, position) -%}
    {{ list }}[{{ position }}]
{%- endmacro %}


{# List -> number of its elements as BIGINT, null for a null list. #}
{% macro list_length(list) -%}
    {{ adapter.dispatch('list_length')(list) }}
{%- endmacro %}

{% macro default__list_length(list) -%}
    cast(len({{ list }}) as bigint)
{%- endmacro %}


{#
  A whole select: one row per element of `list` in `relation`, with the named columns, the element as `element`
  and its position from 1 as `position`. Rows whose list is null or empty give none.
#}
{% macro select_unnested(relation, columns, list) -%}
    {{ adapter.dispatch('select_unnested')(relation, columns, list) }}
{%- endmacro %}

{% macro default__select_unnested(relation, columns, list) -%}
    select
        {{ columns | join(', ') }},
        unnest({{ list }}) as element,
        cast(generate_subscripts({{ list }}, 1) as bigint) as position
    from {{ relation }}
{%- endmacro %}
