{#
  All that must hold of a table's rows, in one scan for the conditions and one each for the key and what it refers to: a
  test each would be a query each. A failing row says which rule it breaks.

    unique_by         columns that no two rows share
    not_null          columns that are never null
    references        column -> a relation that has the value in its column of that name, null aside
    accepted_values   column -> its values, null aside
    currency_codes    columns that are null or three capitals; a code need not be listed
    conditions        SQL that is true of every row, or null
#}
{% test valid_rows(
    model, unique_by=[], not_null=[], references={}, accepted_values={}, currency_codes=[], conditions=[]
) %}

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

{% for column, relation in references.items() %}
union all

select
    '{{ column }} is not in {{ relation.identifier }}' as broken_rule,
    cast(referring.{{ column }} as string) as row_key
from {{ model }} as referring
left join {{ relation }} as known on referring.{{ column }} = known.{{ column }}
where referring.{{ column }} is not null and known.{{ column }} is null
{% endfor %}

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
