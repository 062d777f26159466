{#
  The first day of a date's month. Not by date_trunc: Sail takes it by way of nanoseconds, in which the years before 1677
  and after 2262 (a misread digit) have no place, and a cluster of it cannot send it to its workers to group by.
#}
{% macro month_of(day) -%}
    try_cast(concat(substr(cast({{ day }} as string), 1, 8), '01') as date)
{%- endmacro %}
