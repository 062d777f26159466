{{ config(materialized='table' if target.type == 'spark' else 'view') }}

-- The ends of a printed price: what stands before the first digit and after the last one, and whether it belongs there.
{#
  Rule 1 of int_prices__parsed. A sign or code of the currency is dropped, or two of it, as are stars, # and a tax letter after
  the amount; any other letter or % makes it unreadable, a sign that only others have means another currency. Minus before or
  after, brackets, a triangle or CR: negative. A dash after a mark (,- .- :- /- /=), three dashes, and one dash behind a
  currency without decimals: no decimals.
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

signs as (

    select * from {{ ref('int_currencies__printed_signs') }}

),

following_signs as (

    select * from signs
    where may_follow

),

coded as (

    select
        literals.literal,
        literals.is_number,
        literals.currency,
        coalesce(currencies.currency, {{ unknown_currency() }}) as rules_of
    from literals
    left join currencies on literals.currency = currencies.currency

),

plain as (

    -- a backslash is what the yen sign was in Japan's code page, and the won sign in Korea's
    select
        coded.*,
        currencies.printed_decimals,
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
            regexp_replace_all('tail', '[-+()*#▲△▼▽▴▵▾▿※軽内外非税込抜 ]+', ' '), '(?:^| )CR[.]?( |$)', ' '
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
        -- the code of a currency that the seed doesn't have is its own sign all the same
        (own_before.sign is not null and not named.has_mark_apart)
        or named.sign_before = lower(named.currency) as is_sign_before,
        own_before_mark.sign is not null and named.mark_before <> '' as is_sign_before_mark,
        coalesce(any_before.sign, any_before_mark.sign) is not null as is_other_before,
        own_after.sign is not null or named.sign_after = lower(named.currency) as is_sign_after,
        own_beside_tax.sign is not null or named.sign_beside_tax = lower(named.currency) as is_sign_beside_tax,
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
        on
            any_before.currency = {{ unknown_currency() }}
            and named.sign_before = any_before.sign
            and any_before.sign <> ''
    left join signs as any_before_mark
        on
            any_before_mark.currency = {{ unknown_currency() }} and named.sign_before_mark = any_before_mark.sign
            and any_before_mark.sign <> ''
    left join following_signs as any_after
        on
            any_after.currency = {{ unknown_currency() }}
            and named.sign_beside_tax = any_after.sign
            and any_after.sign <> ''

)

select
    literal,
    is_number,
    currency,
    rules_of,
    plain,
    is_negative,
    -- a mark right before the first digit (.50) is a decimal mark, unless it belongs to the sign (Rp.50)
    case
        when core <> '' and is_sign_before_mark and not is_sign_before then concat('0', mark_before, core)
        else core
    end as digits_and_marks,
    case
        when
            opens_bracket <> closes_bracket
            or tail like '%--%'
            or not (is_sign_before or is_sign_before_mark or is_other_before)
            or not (is_sign_after or is_sign_beside_tax or is_other_after)
            then 'unreadable'
        when
            not ((is_sign_before or is_sign_before_mark) and (is_sign_after or is_sign_beside_tax))
            then 'foreign'
        else 'own'
    end as ends,
    -- 12T and 500G are no prices: a tax letter right behind a figure needs decimals before it
    not is_sign_after and (is_letter_attached or text_after = 'G') as needs_decimals
from matched
