{#
  All that must hold of a table's rows, in one scan for the conditions and one for the key: a test each would be a query
  each. A failing row says which rule it breaks.

    unique_by         columns that no two rows share
    not_null          columns that are never null
    accepted_values   column -> its values, null aside
    currency_codes    columns that are null or three capitals; a code need not be listed
    conditions        SQL that is true of every row, or null
#}
{% test valid_rows(model, unique_by=[], not_null=[], accepted_values={}, currency_codes=[], conditions=[]) %}

with judged as (

    select
        {{ row_key(unique_by) }} as row_key,
        {{ broken_rule(not_null, accepted_values, currency_codes, conditions) | indent(8) }} as broken_rule
    from {{ model }}

)

select
    broken_rule,
    row_key
from judged
where broken_rule is not null

{% if unique_by %}
union all

select
    '{{ unique_by | join(", ") }} is not unique' as broken_rule,
    {{ row_key(unique_by) }} as row_key
from {{ model }}
group by {{ unique_by | join(', ') }}
having count(*) > 1
{% endif %}

{% endtest %}
