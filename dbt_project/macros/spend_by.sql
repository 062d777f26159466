{#
  The measures of the spend marts, grouped by `dimensions` (a dict of column name -> expression, over columns that
  marts.receipt_items and marts.receipt_categories share), always by currency, and by category. The share is that of
  the category within its group. Receipts are counted where they have one row a category: to find the distinct ones among
  all items takes ten times as long as all else.
#}
{% macro spend_by(dimensions) %}

with items as (

    select * from {{ ref('receipt_items') }}

),

receipt_categories as (

    select * from {{ ref('receipt_categories') }}

),

entries as (

    select
        {%- for name, expression in dimensions.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        currency,
        category,
        price,
        is_proven,
        false as is_receipt
    from items

    union all

    select
        {%- for name, expression in dimensions.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        currency,
        category,
        null as price,
        false as is_proven,
        true as is_receipt
    from receipt_categories

),

grouped as (

    select
        {%- for name in dimensions %}
        {{ name }},
        {%- endfor %}
        currency,
        category,
        count(case when is_receipt then 1 end) as receipt_count,
        count(price) as item_count,
        cast(sum(price) as decimal(18, 3)) as spend,
        cast(coalesce(sum(case when price >= 0 then price end), 0) as decimal(18, 3)) as gross_spend,
        cast(coalesce(sum(case when price < 0 then price end), 0) as decimal(18, 3)) as credits,
        count(case when price >= 0 then 1 end) as charge_count,
        cast(coalesce(sum(case when is_proven then price end), 0) as decimal(18, 3)) as proven_spend,
        cast(coalesce(sum(case when is_proven and price >= 0 then price end), 0) as decimal(18, 3))
            as proven_gross_spend
    from entries
    group by
        {%- for name in dimensions %}
        {{ name }},
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
    -- half a thousandth is rounded up, as in accounting: the double that DuckDB's `avg` of 0.500 and 0.501 gives is below
    -- 0.5005, and on Spark, where it is a decimal, the same two give 0.501
    cast(floor(
        round(cast(gross_spend as double) * 1000) / nullif(charge_count, 0) + 0.5
    ) / 1000 as decimal(18, 3)) as average_price,
    proven_spend,
    {{ share('proven_gross_spend', 'gross_spend') }} as share_proven
from grouped

{% endmacro %}
