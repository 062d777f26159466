{#
  A date as an answer has it -> DATE, null where it could be two days or none. The year first, as ISO has it, with or
  without a time; dots: the day first; a month by its English name; slashes and dashes: by the part that can be no month,
  else as the currency's country writes. A year of two digits is read by nobody: it could be a day.
#}
{% macro read_date(text, currency) -%}
    {%- set text = "trim(" ~ text ~ ")" -%}
    {%- set end = '(?:[T ,].*)?$' -%}
    {%- set slashes = '^([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})' ~ end -%}
    {%- set month_name = '([Jj][Aa][Nn]|[Ff][Ee][Bb]|[Mm][Aa][RrYy]|[Aa][Pp][Rr]|[Jj][Uu][NnLl]|[Aa][Uu][Gg]|[Ss][Ee][Pp]|[Oo][Cc][Tt]|[Nn][Oo][Vv]|[Dd][Ee][Cc])[a-zA-Z]*' -%}
    {%- set first = "try_cast(" ~ regexp_first(text, slashes, 1) ~ " as integer)" -%}
    {%- set second = "try_cast(" ~ regexp_first(text, slashes, 2) ~ " as integer)" -%}
    coalesce(
        {{ _date_of(text, '^([0-9]{4})[-/.年년] ?([0-9]{1,2})[-/.月월] ?([0-9]{1,2})[.日일]?' ~ end, 1, 2, 3) }},
        {{ _date_of(text, '^([0-9]{1,2})[.] ?([0-9]{1,2})[.] ?([0-9]{4})' ~ end, 3, 2, 1) }},
        {{ _date_of(text, '^((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})(?:T.*)?$', 1, 2, 3) }},
        case
            when {{ first }} > 12 or {{ first }} = {{ second }} then {{ _date_of(text, slashes, 3, 2, 1) }}
            when {{ second }} > 12 or {{ currency }} in ('USD', 'PHP') then {{ _date_of(text, slashes, 3, 1, 2) }}
            when {{ currency }} not in ({{ unknown_currency() }}, 'CAD', 'JPY', 'CNY', 'KRW', 'TWD', 'HUF', 'IRR', 'MNT')
                then {{ _date_of(text, slashes, 3, 2, 1) }}
        end,
        {{ _date_of(text, '^([0-9]{1,2})(?:st|nd|rd|th)?[ .-]*' ~ month_name ~ '[ .,-]*([0-9]{4})' ~ end, 3, 2, 1, true) }},
        {{ _date_of(text, '^' ~ month_name ~ '[ .-]*([0-9]{1,2})(?:st|nd|rd|th)?[ .,]+([0-9]{4})' ~ end, 3, 1, 2, true) }}
    )
{%- endmacro %}

{# The date whose parts a pattern finds; what it doesn't find makes no date. #}
{% macro _date_of(text, pattern, year, month, day, by_name=false) -%}
    {%- set month = regexp_first(text, pattern, month) -%}
    {%- if by_name -%}
        {%- set month = "cast(cast((instr('  janfebmaraprmayjunjulaugsepoctnovdec', lower(" ~ month ~ ")) / 3) as integer) as string)" -%}
    {%- endif -%}
    try_cast(concat(
        nullif({{ regexp_first(text, pattern, year) }}, '0000'), '-', lpad({{ month }}, 2, '0'), '-',
        lpad({{ regexp_first(text, pattern, day) }}, 2, '0')
    ) as date)
{%- endmacro %}

{# A time of day as an answer has it -> HH:MM of 24 hours, null where there is none. #}
{% macro read_time(text) -%}
    {%- set time = '^(?:.*[^0-9:.])?([01]?[0-9]|2[0-3])[:.h]([0-5][0-9])(?:[:.][0-5][0-9])?(?:[.,][0-9]+)?'
        ~ ' *(?:([AaPp])[. ]?[Mm])?(?:[^0-9].*)?$' -%}
    {%- set hour = "try_cast(" ~ regexp_first(text, time, 1) ~ " as integer)" -%}
    {%- set half = "lower(" ~ regexp_first(text, time, 3) ~ ")" -%}
    case
        when {{ hour }} is not null
            then concat(
                lpad(cast(case
                    when {{ half }} = 'p' and {{ hour }} < 12 then {{ hour }} + 12
                    when {{ half }} = 'a' and {{ hour }} = 12 then 0
                    else {{ hour }}
                end as string), 2, '0'),
                ':',
                {{ regexp_first(text, time, 2) }}
            )
    end
{%- endmacro %}
