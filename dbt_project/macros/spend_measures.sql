{#
  The measures of the spend marts: a select over marts.receipt_items, grouped by `dimensions` (a dict of column
  name -> expression), always by currency, and by category. The share is that of the category within its group.
#}
{% macro spend_by(items, dimensions) %}

with items as (

    select * from {{ items }}

),

grouped as (

    select
        {%- for name, expression in dimensions.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        currency,
        category,
        count(distinct receipt_id) as receipt_count,
        count(*) as item_count,
        cast(sum(price) as decimal(18, 3)) as spend,
        cast(coalesce(sum(case when price >= 0 then price end), 0) as decimal(18, 3)) as gross_spend,
        cast(coalesce(sum(case when price < 0 then price end), 0) as decimal(18, 3)) as credits,
        cast(avg(case when price >= 0 then price end) as decimal(18, 3)) as average_price
    from items
    group by
        {%- for expression in dimensions.values() %}
        {{ expression }},
        {%- endfor %}
        currency,
        category

)

select
    {%- for name in dimensions %}
    {{ name }},
    {%- endfor %}
    currency,
    category,
    receipt_count,
    item_count,
    spend,
    gross_spend,
    credits,
    cast(spend as double) / nullif(cast(sum(spend) over (
        partition by {% for name in dimensions %}{{ name }}, {% endfor %}currency
    ) as double), 0) as share_of_spend,
    average_price
from grouped

{% endmacro %}
