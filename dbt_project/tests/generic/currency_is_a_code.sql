{% test currency_is_a_code(model, column_name) %}

select {{ column_name }}
from {{ model }}
where {{ regexp_first(column_name, '^[A-Z]{3}$') }} = ''

{% endtest %}
