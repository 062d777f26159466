-- One row per day from 2000 to 2049: the calendar that metrics over time are laid on.
with digits as (

    {% for digit in range(10) -%}
    select {{ digit }} as digit{{ ' union all' if not loop.last }}
    {% endfor %}
),

numbers as (

    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit + 10000 * more.digit as number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join (select digit from digits where digit < 2) as more

),

days as (

    select cast({{ dbt.dateadd('day', 'number', "cast('2000-01-01' as date)") }} as date) as day
    from numbers

)

select day
from days
where day < cast('2050-01-01' as date)
