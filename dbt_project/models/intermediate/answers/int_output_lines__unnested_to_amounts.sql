-- One row per amount that an answer gives for its receipt as a whole, still as it was written.
with lines as (

    select * from {{ ref('int_output_lines__read') }}

),

taxes as (

    -- a list of amounts or of objects with an amount each, such an object, or one amount
    select
        line_id,
        case
            when taxes_text like '[%' then {{ regexp_all('taxes_text', '\\{[^{}]*\\}|"[^"]*"|-?[0-9][-+0-9.eE]*') }}
            when substr(taxes_text, 1, 1) = '{' then {{ regexp_all('taxes_text', '\\{[^{}]*\\}') }}
            else {{ regexp_all('taxes_text', '(?s)^.+$') }}
        end as tax_texts
    from lines
    where taxes_text is not null

),

unnested_taxes as (

    {{ select_unnested('taxes', ['line_id'], 'tax_texts') | indent(4) }}

),

printed as (

    {% for kind in ['subtotal', 'tip', 'service_charge', 'rounding', 'total'] -%}
        select
            line_id,
            '{{ kind }}' as kind,
            cast(1 as bigint) as position,
            {{ kind }}_text as amount_text
        from lines
        where {{ kind }}_text is not null

        union all

    {% endfor -%}
    select
        line_id,
        'tax' as kind,
        position,
        case
            -- of an object the first of these that has a figure, as rates and sums stand beside it; else all of it
            when substr(element, 1, 1) = '{'
                then coalesce(
                    {% for key in tax_keys().split() -%}
                        nullif({{ regexp_first('element', '"' ~ key ~ '":"([^"]*[0-9][^"]*)"', 1) }}, ''),
                    {% endfor -%}
                    element
                )
            when element like '"%"' then substr(element, 2, length(element) - 2)
            -- a number that stood in a list of numbers alone
            when {{ regexp_first('element', '^-?[0-9][-+0-9.eE]*$') }} <> '' then {{ number_as_text('element') }}
            else element
        end as amount_text
    from unnested_taxes

)

select
    line_id,
    kind,
    position,
    {{ as_written('amount_text') }} as price_raw,
    {{ was_number('amount_text') }} as is_price_number
from printed
where trim(amount_text) <> ''
