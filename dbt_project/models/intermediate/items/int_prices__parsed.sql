-- The one place where a printed price becomes a figure: one row per price literal and currency, so that each is read
-- once, however often it is printed.
{#
  literal is the price as the receipt prints it, or (is_number) the JSON number that stood in the answer, which may carry an
  exponent. A currency that reference.currencies doesn't have is read as an unknown one (XXX).

  The rules:
    1. The ends: int_prices__parted. Spaces and apostrophes group.
    2. Both marks: the last is decimal, the other groups; in a currency that prints no decimals three digits after
       the last one group too. A space or apostrophe counts as the grouping mark.
    3. One mark, more than once: it groups. Groups have three digits; where groups_by_two all but the last may have two.
    4. One mark, once, one to three digits (no leading zero) before and three after: it groups, unless it is the
       decimal mark of a currency that prints decimals; where that has two of them it is ambiguous. Where either mark
       may be decimal: decimal with three decimals, grouping with two. With an unknown currency: groups, ambiguous.
    5. One mark otherwise: decimal.
    6. Outside of the currency's plausible range and not zero as written, or with a fraction in a currency that prints
       none: implausible.
#}

with currencies as (

    select * from {{ ref('currencies') }}

),

parted as (

    select
        parted.*,
        currencies.decimal_mark,
        currencies.printed_decimals,
        currencies.groups_by_two,
        currencies.plausible_min,
        currencies.plausible_max
    from {{ ref('int_prices__parted') }} as parted
    inner join currencies on parted.rules_of = currencies.currency

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
    from parted

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

grouped as (

    select
        *,
        {{ is_grouped('digits') }} as is_grouped,
        {{ is_grouped('before_mark') }} as is_grouped_before_mark
    from marked

),

ruled as (

    select
        *,
        case
            when
                is_number
                and {{ regexp_first('plain', '^-?[0-9]+(?:[.][0-9]+)?[eE][+-]?[0-9]+$') }} <> ''
                then 'exponent'
            -- rule 1
            when not is_digits_and_marks or ends = 'unreadable' then 'unreadable'
            when ends = 'foreign' then 'foreign'
            when is_spaced and not is_spaced_well then 'unreadable'
            -- no mark at all
            when dots = 0 and commas = 0 then 'grouping'
            -- rule 2
            when
                dots > 0 and commas > 0
                and (
                    (case when last_mark = '.' then dots else commas end) > 1
                    or not is_grouped_before_mark
                )
                then 'unreadable'
            when (dots > 0 and commas > 0) or is_spaced
                then case when printed_decimals = 0 and length(after_mark) = 3 then 'grouping' else 'decimal' end
            -- rule 3
            when dots + commas > 1 then case when is_grouped then 'grouping' else 'unreadable' end
            -- rule 4
            when {{ regexp_first('digits', '^[1-9][0-9]{0,2}[.,][0-9]{3}$') }} <> ''
                then case
                    when coalesce(decimal_mark, '') = '' then 'ambiguous grouping'
                    when printed_decimals = 0 then 'grouping'
                    when last_mark = decimal_mark and printed_decimals = 2 then 'ambiguous decimal'
                    when last_mark = decimal_mark or (decimal_mark = '.,' and printed_decimals = 3) then 'decimal'
                    else 'grouping'
                end
            -- rule 5
            else 'decimal'
        end as reading
    from grouped

),

valued as (

    select
        *,
        case
            when reading = 'exponent' then try_cast(try_cast(plain as double) as decimal(18, 3))
            else try_cast(concat(
                case when is_negative then '-' else '' end,
                case
                    when reading in ('grouping', 'ambiguous grouping')
                        then replace(replace(digits, '.', ''), ',', '')
                    when reading in ('decimal', 'ambiguous decimal')
                        then concat(
                            -- digits after so many round nothing, and Sail reads no more than 38
                            replace(replace(before_mark, '.', ''), ',', ''), '.', substr(after_mark, 1, 18)
                        )
                end
            ) as decimal(18, 3))
        end as value,
        -- as it is written: 0.0004 is not zero, and neither is 1e-9
        {{ regexp_first(regexp_first('plain', '^[^eE]*'), '[1-9]') }} = '' as is_zero,
        reading = 'decimal' and {{ regexp_first('after_mark', '[1-9]') }} <> '' as has_fraction
    from ruled

),

judged as (

    select
        *,
        case
            when literal is null or reading = 'unreadable' then 'not a price'
            when reading = 'foreign' then 'another currency'
            when needs_decimals and reading in ('grouping', 'ambiguous grouping') then 'not a price'
            -- more digits than money has, or outside of what the currency's receipts show (rule 6)
            when value is null then 'implausible'
            when printed_decimals = 0 and (has_fraction or value <> floor(value)) then 'implausible'
            when not is_zero and abs(value) not between plausible_min and plausible_max then 'implausible'
        end as reason
    from valued

)

select
    literal,
    is_number,
    currency,
    case when reason is null then value end as amount,
    coalesce(reason is null and reading like 'ambiguous %', false) as is_ambiguous,
    reason
from judged
