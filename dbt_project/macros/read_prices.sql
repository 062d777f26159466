{#
  The one place where a printed price becomes a figure. A select over `literals`, a relation with
    literal       the price as the receipt prints it, or as the JSON number that stood in the answer
    is_number     whether it was a JSON number (which may carry an exponent) and not a text
    currency      ISO 4217 code, a row of reference.currencies (XXX: unknown)
  which adds
    amount        DECIMAL(18,3), negative for credits; null when rejected
    is_ambiguous  the currency is unknown and the literal could mean two amounts
    reason        null, or why it is rejected: 'not a price', 'implausible'

  The rules (numbers as in the documentation):
    1. A known symbol or code at either end is dropped; any other letter or % makes it unreadable. Minus before or
       after, or brackets: negative. ,- or .- at the end: no decimals. Spaces and apostrophes group.
    2. Both marks: the last is decimal, the other groups; in a currency that prints no decimals three digits after
       the last one group too. A space or apostrophe counts as the grouping mark.
    3. One mark, more than once: it groups, every group has three digits.
    4. One mark, once, one to three digits (no leading zero) before and three after: it groups, unless it is the
       decimal mark of a currency that prints decimals. With an unknown currency: ambiguous.
    5. One mark otherwise: decimal.
    6. Outside of the currency's plausible range and not zero: rejected.
#}
{% macro read_prices(literals) %}

with written as (

    select * from {{ literals }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

listed as (

    select currency from currencies

),

symbols as (

    select distinct lower(symbol) as symbol from {{ ref('int_currencies__symbols') }}

),

plain as (

    -- other scripts' digits, marks and dashes -> ASCII; spaces and apostrophes of every kind -> one space
    select
        written.*,
        trim({{ regexp_replace_all(
            "translate(written.literal, '０１２３４５６７８９٠١٢٣٤٥٦٧٨٩．，٫٬−–—‐‑（）＋', "
            ~ "'01234567890123456789.,.,-----()+')",
            "[\\s\\p{Z}\\x{FEFF}\\x{200B}'’ʼ`´]+",
            ' ',
        ) }}) as plain
    from written

),

parted as (

    -- what stands before the first digit, from the first digit to the last, and after it
    select
        *,
        {{ regexp_first('plain', '^[^0-9]*') }} as head,
        {{ regexp_replace_all(
            regexp_first('plain', '[0-9](?:.*[0-9])?'), ' ?([.,]) ?', '\\1'
        ) }} as core,
        {{ regexp_first('plain', '[0-9]([^0-9]*)$', 1) }} as tail
    from plain

),

ends as (

    -- rule 1: the ends without signs, brackets, spaces and "no decimals"
    select
        *,
        lower({{ regexp_replace_all('head', '[-+( ]', '') }}) as symbol_before,
        lower({{ regexp_replace_all(
            regexp_replace_all('tail', '^ ?[.,](?:-{1,2})?', ''), '[-+) ]', ''
        ) }}) as symbol_after,
        head like '%-%'
        or {{ regexp_replace_all('tail', '^ ?[.,]-{1,2}', '') }} like '%-%'
        or head like '%(%' as is_negative,
        head like '%(%' as opens_bracket,
        tail like '%)%' as closes_bracket
    from parted

),

bare as (

    -- a mark right before the first digit (.50) is a decimal mark, unless it belongs to the symbol (Rp.50)
    select
        ends.*,
        case
            when before_symbol.symbol is not null or ends.symbol_before = '' then ends.core
            when {{ regexp_first('ends.symbol_before', '[.,]$') }} <> ''
                then concat('0', {{ regexp_first('ends.symbol_before', '[.,]$') }}, ends.core)
            else ends.core
        end as digits_and_marks,
        (ends.symbol_before = '' or before_symbol.symbol is not null or before_mark.symbol is not null
            or ends.symbol_before in ('.', ','))
        and (ends.symbol_after = '' or after_symbol.symbol is not null)
        and ends.opens_bracket = ends.closes_bracket as has_known_ends
    from ends
    left join symbols as before_symbol on ends.symbol_before = before_symbol.symbol
    left join symbols as before_mark
        on {{ regexp_first('ends.symbol_before', '^(.*)[.,]$', 1) }} = before_mark.symbol
    left join symbols as after_symbol on ends.symbol_after = after_symbol.symbol

),

counted as (

    select
        *,
        replace(digits_and_marks, ' ', '') as digits,
        digits_and_marks like '% %' as is_spaced,
        -- groups made by spaces have three digits each
        {{ regexp_first('digits_and_marks', '^[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]+)?$') }} <> ''
            as is_spaced_well,
        {{ regexp_first('digits_and_marks', '^[0-9., ]+$') }} <> '' as is_digits_and_marks
    from bare

),

marked as (

    select
        *,
        length(digits) - length(replace(digits, '.', '')) as dots,
        length(digits) - length(replace(digits, ',', '')) as commas,
        {{ regexp_first('digits', '([.,])[0-9]*$', 1) }} as last_mark,
        {{ regexp_first('digits', '^(.*)[.,][0-9]*$', 1) }} as before_mark,
        {{ regexp_first('digits', '[.,]([0-9]*)$', 1) }} as after_mark
    from counted

),

ruled as (

    select
        marked.*,
        currencies.decimal_mark,
        currencies.plausible_min,
        currencies.plausible_max,
        case
            when
                marked.is_number
                and {{ regexp_first('marked.plain', '^-?[0-9]+(?:[.][0-9]+)?[eE][+-]?[0-9]+$') }} <> ''
                then 'exponent'
            when not marked.has_known_ends or not marked.is_digits_and_marks then 'unreadable'
            when marked.is_spaced and not marked.is_spaced_well then 'unreadable'
            -- no mark at all
            when marked.dots = 0 and marked.commas = 0 then 'grouping'
            -- rule 2
            when marked.dots > 0 and marked.commas > 0 and (
                (case when marked.last_mark = '.' then marked.dots else marked.commas end) > 1
                or {{ regexp_first(
                    'marked.before_mark', '^[0-9]{1,3}(?:[.,][0-9]{2,3})*[.,][0-9]{3}$'
                ) }} = ''
            ) then 'unreadable'
            when (marked.dots > 0 and marked.commas > 0) or marked.is_spaced
                then case
                    when currencies.printed_decimals = 0 and length(marked.after_mark) = 3 then 'grouping'
                    else 'decimal'
                end
            -- rule 3
            when marked.dots + marked.commas > 1
                then case
                    when {{ regexp_first('marked.digits', '^[0-9]{1,3}(?:[.,][0-9]{3})+$') }} <> ''
                        then 'grouping'
                    else 'unreadable'
                end
            -- rule 4
            when {{ regexp_first('marked.digits', '^[1-9][0-9]{0,2}[.,][0-9]{3}$') }} <> ''
                then case
                    when coalesce(currencies.decimal_mark, '') = '' then 'ambiguous'
                    when currencies.printed_decimals > 0 and marked.last_mark = currencies.decimal_mark
                        then 'decimal'
                    else 'grouping'
                end
            -- rule 5
            else 'decimal'
        end as reading
    from marked
    -- a code that nobody lists is read as the unknown currency is
    left join listed on marked.currency = listed.currency
    left join currencies on coalesce(listed.currency, 'XXX') = currencies.currency

),

valued as (

    select
        *,
        case
            when reading = 'exponent' then try_cast(try_cast(plain as double) as decimal(18, 3))
            else try_cast(concat(
                case when is_negative then '-' else '' end,
                case
                    when reading in ('grouping', 'ambiguous')
                        then replace(replace(digits, '.', ''), ',', '')
                    when reading = 'decimal'
                        then concat(
                            -- digits after so many round nothing, and Sail reads no more than 38
                            replace(replace(before_mark, '.', ''), ',', ''), '.', substr(after_mark, 1, 18)
                        )
                end
            ) as decimal(18, 3))
        end as value
    from ruled

),

judged as (

    select
        *,
        case
            when literal is null or reading = 'unreadable' then 'not a price'
            -- more digits than money has, or outside of what the currency's receipts show (rule 6)
            when value is null then 'implausible'
            when value <> 0 and abs(value) not between plausible_min and plausible_max then 'implausible'
        end as reason
    from valued

)

select
    literal,
    is_number,
    currency,
    case when reason is null then value end as amount,
    coalesce(reason is null and reading = 'ambiguous', false) as is_ambiguous,
    reason
from judged

{% endmacro %}
