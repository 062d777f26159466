{% test category_is_known(model, column_name) %}

with categories as (

    select * from {{ ref('categories') }}

)

select rows_of_model.{{ column_name }}
from {{ model }} as rows_of_model
left join categories on rows_of_model.{{ column_name }} = categories.category
where categories.category is null

{% endtest %}
