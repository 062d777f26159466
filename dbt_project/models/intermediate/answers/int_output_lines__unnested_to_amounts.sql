-- One row per amount that an answer gives for its receipt as a whole, still as it was written.
with lines as (

    select * from {{ ref('int_output_lines__read') }}

),

taxes as (

    -- a list of amounts, of objects with an amount each, or one amount; of objects without one all is kept as it is
    select
        line_id,
        case
            when
                instr(taxes_text, '{') > 0
                and {{ regexp_first('taxes_text', '"(?:amount|price|value|tax|total)":"[^"]*"') }} <> ''
                then {{ regexp_all('taxes_text', '"(?:amount|price|value|tax|total)":"[^"]*"') }}
            when taxes_text like '[%' and instr(taxes_text, '{') = 0
                then {{ regexp_all('taxes_text', '"[^"]*"|-?[0-9][-+0-9.eE]*') }}
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
            when element like '"%":"%"' then {{ regexp_first('element', '(?s)^"[a-z]*":"(.*)"$', 1) }}
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
