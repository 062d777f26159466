-- One row per day from 2000 to 2049: the calendar that metrics over time are laid on.
with digits as (

    {% for digit in range(10) -%}
        select {{ digit }} as digit{{ ' union all' if not loop.last }}
    {% endfor %}
),

numbers as (

    select 10 * tens.digit + ones.digit as number
    from digits as tens
    cross join digits as ones

),

days as (

    -- every combination of year, month and day of the month, of which the calendar has some
    select
        try_cast(
            concat(
                2000 + years.number,
                '-',
                lpad(cast(months.number as string), 2, '0'),
                '-',
                lpad(cast(days_of_month.number as string), 2, '0')
            ) as date
        ) as day
    from numbers as years
    cross join numbers as months
    cross join numbers as days_of_month
    where
        years.number < 50
        and months.number between 1 and 12
        and days_of_month.number between 1 and 31

)

select day
from days
where day is not null
