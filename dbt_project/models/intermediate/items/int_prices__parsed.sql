-- The one place where a printed price becomes a figure: one row per price literal and currency, so that each is read
-- once, however often it is printed.
{#
  literal is the price as the receipt prints it, or (is_number) the JSON number that stood in the answer, which may carry an
  exponent. A currency that reference.currencies doesn't have is read as an unknown one (XXX).

  The rules:
    1. The ends. A sign or code of the currency is dropped, or two of it, as are stars, # and a tax letter after the
       amount; any other letter or % makes it unreadable, a sign that only others have means another currency. Minus
       before or after, brackets, a triangle or CR: negative. A dash after a mark (,- .- :- /- /=), three dashes, and
       one dash behind a currency without decimals: no decimals. Spaces and apostrophes group.
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
{# letters that tills print behind an amount for its rate of tax: one or two of these, and no unit #}
{% set tax = '[A-JNOR-TV-ZΑ-ΔА-ЕЂ]' %}
{% set units = '(?:OZ|EA|IN|CC|GR|DZ|CT|GB|HR|YR|YD)' %}

with literals as (

    select * from {{ ref('int_prices__printed') }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

own_signs as (

    select
        currency,
        {{ sign_key('symbol') }} as sign
    from {{ ref('int_currencies__symbols') }}

    union

    -- a dollar sign is everybody's
    select
        currency,
        '$' as sign
    from currencies

    union

    select
        currency,
        '' as sign
    from currencies

),

pairs as (

    -- none of a currency's signs, one of them, or two (SGD$)
    select
        first_signs.currency,
        {{ sign_key('concat(first_signs.sign, second_signs.sign)') }} as sign
    from own_signs as first_signs
    inner join own_signs as second_signs on first_signs.currency = second_signs.currency

),

signs as (

    select * from pairs

    union

    -- what is unknown may have any
    select
        'XXX' as currency,
        sign
    from pairs

),

following_signs as (

    -- behind a figure a bare letter is its own currency's or none, and K and M are thousands and millions
    select *
    from signs
    where {{ regexp_first('sign', '^[A-Za-z]$') }} = '' or (currency <> 'XXX' and sign not in ('K', 'M'))

),

coded as (

    select
        literals.literal,
        literals.is_number,
        literals.currency,
        coalesce(currencies.currency, 'XXX') as rules_of
    from literals
    left join currencies on literals.currency = currencies.currency

),

plain as (

    -- a backslash is what the yen sign was in Japan's code page, and the won sign in Korea's
    select
        coded.*,
        currencies.decimal_mark,
        currencies.printed_decimals,
        currencies.groups_by_two,
        currencies.plausible_min,
        currencies.plausible_max,
        {{ plain_form(
            "replace(coded.literal, chr(92), case when coded.rules_of = 'KRW' then '₩' else '¥' end)"
        ) }} as plain
    from coded
    inner join currencies on coded.rules_of = currencies.currency

),

parted as (

    -- what stands before the first digit, from the first digit to the last, and after it
    select
        *,
        {{ regexp_first('plain', '^[^0-9]*') }} as head,
        {{ regexp_replace_all(
            regexp_first('plain', '[0-9](?:.*[0-9])?'), ' ?([.,]) ?', '\\1'
        ) }} as core,
        -- without what says "no decimals": 5,- 5. – 49:- 500/- 500/= 500 Rs.- 5---
        {{ regexp_replace_all(
            regexp_replace_all(
                regexp_first('plain', '[0-9]([^0-9]*)$', 1), '(?:[.,:/] ?[-=]|---)[-= ]*', ' '
            ),
            '^ ?[.,]([^.,]|$)', ' \\1'
        ) }} as tail
    from plain

),

signed as (

    -- the ends without stars and without what makes an amount negative: minus, brackets, triangles, CR
    select
        *,
        head like '%(%' as opens_bracket,
        -- a tax letter may have brackets of its own: 120,00 (A)
        tail like '%)%' and tail not like '%(%' as closes_bracket,
        {{ regexp_first('head', '[-(▲△▼▽▴▵▾▿]|^[ *]*CR(?:[^\\p{L}]|$)') }} <> ''
        or (tail like '%-%' and printed_decimals > 0)
        or {{ regexp_first('tail', '[▲△▼▽▴▵▾▿]|(?:^|[^\\p{L}])CR(?:[^\\p{L}]|$)') }} <> '' as is_negative,
        {{ regexp_replace_all(
            regexp_replace_all('head', '[-+(*▲△▼▽▴▵▾▿※軽]', ''), '^ *[CD]R[.]?([^\\p{L}].*)?$', '\\1'
        ) }} as text_before,
        trim({{ regexp_replace_all(
            regexp_replace_all('tail', '[-+()*#▲△▼▽▴▵▾▿※軽内外非込 ]+', ' '), '(?:^| )CR[.]?( |$)', ' '
        ) }}) as text_after
    from parted

),

ended as (

    select
        *,
        {{ regexp_first('text_after', '(?:^|[^\\p{L}])' ~ units ~ '$') }} <> '' as is_unit,
        {{ regexp_first('tail', '^' ~ tax ~ '{1,2}(?:[^\\p{L}]|$)') }} <> '' as is_letter_attached
    from signed

),

untaxed as (

    -- without a tax letter, or two, that stand alone or beside the sign of a currency
    select
        *,
        case
            when is_unit then text_after
            when {{ regexp_first('text_after', '^' ~ tax ~ ' ?' ~ tax ~ '?$') }} <> '' then ''
            when {{ regexp_first('text_after', '[^\\p{L}]' ~ tax ~ '{1,2}$') }} <> ''
                then {{ regexp_replace_all('text_after', '([^\\p{L}])' ~ tax ~ '{1,2}$', '\\1') }}
            else {{ regexp_replace_all('text_after', '^' ~ tax ~ '{1,2} ', '') }}
        end as text_beside_tax
    from ended

),

named as (

    select
        *,
        {{ regexp_first('text_before', '(?:^| )[.,] ?$') }} <> '' as has_mark_apart,
        {{ sign_key("replace(text_before, ' ', '')") }} as sign_before,
        {{ regexp_first('text_before', '([.,]) ?$', 1) }} as mark_before,
        {{ sign_key(regexp_first("replace(text_before, ' ', '')", '^(.*)[.,]$', 1)) }} as sign_before_mark,
        {{ sign_key("replace(text_after, ' ', '')") }} as sign_after,
        {{ sign_key("replace(text_beside_tax, ' ', '')") }} as sign_beside_tax
    from untaxed

),

matched as (

    select
        named.*,
        own_before.sign is not null and not named.has_mark_apart as is_sign_before,
        own_before_mark.sign is not null and named.mark_before <> '' as is_sign_before_mark,
        coalesce(any_before.sign, any_before_mark.sign) is not null as is_other_before,
        own_after.sign is not null as is_sign_after,
        own_beside_tax.sign is not null as is_sign_beside_tax,
        any_after.sign is not null as is_other_after
    from named
    left join signs as own_before
        on named.rules_of = own_before.currency and named.sign_before = own_before.sign
    left join signs as own_before_mark
        on named.rules_of = own_before_mark.currency and named.sign_before_mark = own_before_mark.sign
    left join following_signs as own_after
        on named.rules_of = own_after.currency and named.sign_after = own_after.sign
    left join following_signs as own_beside_tax
        on named.rules_of = own_beside_tax.currency and named.sign_beside_tax = own_beside_tax.sign
    left join signs as any_before
        on any_before.currency = 'XXX' and named.sign_before = any_before.sign and any_before.sign <> ''
    left join signs as any_before_mark
        on
            any_before_mark.currency = 'XXX' and named.sign_before_mark = any_before_mark.sign
            and any_before_mark.sign <> ''
    left join following_signs as any_after
        on any_after.currency = 'XXX' and named.sign_beside_tax = any_after.sign and any_after.sign <> ''

),

bare as (

    -- a mark right before the first digit (.50) is a decimal mark, unless it belongs to the sign (Rp.50)
    select
        *,
        case
            when core <> '' and is_sign_before_mark and not is_sign_before then concat('0', mark_before, core)
            else core
        end as digits_and_marks,
        is_sign_before or is_sign_before_mark as is_own_before,
        is_sign_after or is_sign_beside_tax as is_own_after,
        not is_sign_after and (is_letter_attached or text_after = 'G') as needs_decimals
    from matched

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
            when
                not is_digits_and_marks
                or opens_bracket <> closes_bracket
                or tail like '%--%'
                or not (is_own_before or is_other_before)
                or not (is_own_after or is_other_after)
                then 'unreadable'
            when not (is_own_before and is_own_after) then 'foreign'
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
