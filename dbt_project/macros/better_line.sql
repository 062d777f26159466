{#
  Which of the lines that one job gave for one request counts: an expression to order them by, the best first. A good
  line comes before a cut-off one with items, those before the rest, failures last; among equals the later one.
#}
{% macro better_line(lines) -%}
    case
        when {{ lines }}.status in ('extracted', 'empty') then 0
        when {{ lines }}.item_count > 0 then 1
        when {{ lines }}.status <> 'failed' then 2
        else 3
    end asc,
    {{ lines }}.landed_at desc,
    case when {{ lines }}.file_kind = 'output' then 0 else 1 end asc,
    {{ lines }}.file_id desc,
    {{ lines }}.line_number desc
{%- endmacro %}
