{#
  The list of items in answers that are not one plain document (answer_text null: not searched, but not filtered either,
  since Sail pushes a filter through all that comes before it): a select over a relation with line_id, answer_text,
  is_one_document and may_be_cut_off, one row per answer. Every whole JSON value in the text and every list in them that may
  be of items is found; what they say is compared.

    is_whole              whether the text is a whole document, but for prose before it and fences around
    own_list              a document with the list at `items`; null where there is none
    has_several_answers   values, or lists in one value (has_several_lists), say different things
    has_object            whether there is JSON other than a list of literals
    repeated_keys         objects that have one of the wanted keys twice
    the header's fields   what the object around the list says, else what those outside of lists agree on
#}
{% macro search_answers(relation, fields, header) -%}
with marked as (

    -- the escapes \\ and \" become \1 and \2, a fence \4, and line ends and tabs \5 to \7; none of them stands in JSON
    select
        *,
        translate(
            {{ regexp_replace_all(
                escapes_aside(surrogates_mended(
                    regexp_replace_all('answer_text', '[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F]', '')
                )),
                '(?:^|\\n)[ \\t]*```[a-zA-Z0-9_+-]*|```[a-zA-Z0-9_+-]*[ \\t\\r]*(?:\\n|$)', '\u0004'
            ) }},
            concat(chr(10), chr(9), chr(13)), concat(chr(5), chr(6), chr(7))
        ) as bare_text
    from {{ relation }}

),

spaced as (

    -- blanks between tokens become single spaces, line ends and tabs in strings escapes
    select
        *,
        replace(replace(replace(
            {{ regexp_replace_all(
                'bare_text',
                '("[^"\\x04]*")[' ~ odd_blanks() ~ '\\x05-\\x07]*([:,}\\]])|[' ~ odd_blanks() ~ '\\x05-\\x07]+',
                '\\1\\2 '
            ) }},
            chr(5), concat(chr(92), 'n')), chr(6), concat(chr(92), 't')), chr(7), concat(chr(92), 'r')
        ) as spaced_text
    from marked

),

sliced as (

    select
        *,
        {{ escapes_back(regexp_first('spaced_text', '(?s)(?:\\{ *["}]|\\[ *[{\\[\\]"0-9]).*')) }} as from_first_bracket
    from spaced

),

closed as (

    -- a whole document to the end; else, cut off, up to the last brace outside of a string and closed in the ways that fit
    select
        *,
        {{ json_or_null(regexp_first('from_first_bracket', '(?s)^(.*[}\\]])[ `\\x04]*$', 1)) }} as whole_document,
        case when may_be_cut_off then {{ up_to_last_brace('from_first_bracket') }} end as up_to_brace
    from sliced

),

searched as (

    select
        line_id,
        is_one_document or whole_document is not null as is_whole,
        coalesce(
            {{ escapes_aside('cast(whole_document as string)') }},
            case
                when may_be_cut_off and not is_one_document then {{ escapes_aside("cast(coalesce("
                    ~ json_or_null("concat(up_to_brace, ']}')") ~ ", "
                    ~ json_or_null("concat(up_to_brace, ']')") ~ ", "
                    ~ json_or_null("concat(up_to_brace, ']}}')") ~ ", "
                    ~ json_or_null("concat(up_to_brace, ']}]')") ~ ", "
                    ~ json_or_null("concat(up_to_brace, ']}}}')") ~ ") as string)") }}
            end,
            spaced_text
        ) as searched_text
    from closed

),

nodes as (

    {{ json_nodes('searched', 'searched_text', ['items'] + fields, header) | indent(4) }}

),

counted as (

    select
        *,
        sum(
            case
                when greatest({{ (['items'] + fields) | join('_count, ') }}_count) > 1 then 1
                when header_count > header_key_count then 1
                else 0
            end
        ) over (partition by line_id) as repeated_keys
    from nodes

),

---------- which of them may be the list of items

{% set never = [
    'tax', 'taxes', 'taxation', 'vat', 'gst', 'hst', 'pst', 'qst', 'sst', 'mwst', 'ust', 'iva', 'tva', 'btw', 'moms',
    'ppn', 'kdv', 'steuer', 'steuern', 'impuestos', 'impostos', 'imposte', 'taxe', 'taxlines', 'pay', 'payment',
    'payments', 'paid', 'tender', 'tenders', 'tendered', 'total', 'totals', 'subtotal', 'subtotals', 'summary', 'change',
    'cash', 'card', 'cards', 'rounding', 'tip', 'tips',
] %}
named as (

    select
        counted.*,
        lower({{ regexp_replace_all('counted.node_key', '([a-z])([A-Z])', '\\1 \\2') }}) as key_words,
        searched.is_whole,
        {{ escapes_back('substr(searched.searched_text, counted.starts_at, counted.closes_at - counted.starts_at + 1)') }}
            as node_text
    from counted
    inner join searched on counted.line_id = searched.line_id
    where
        counted.level = 1
        or counted.bracket = '['
        or counted.node_key is not null
        or counted.header_count > 0

),

judged as (

    select
        *,
        {{ regexp_first('key_words', '(?:^|[^a-z])(?:' ~ never | join('|') ~ ')(?:[^a-z]|$)') }} <> '' as is_never,
        {{ regexp_first('key_words', 'item|product|article|artikel|line|entr|goods|purchase|position') }} <> ''
            as is_of_items,
        {{ regexp_first('key_words', 'categor|section|department|group|page|receipt|document') }} <> '' as is_of_lists,
        {{ regexp_first('node_text', '^\\[ *\\]') }} <> '' as is_empty,
        max(case when level = 1 then starts_at end) over (
            partition by line_id, piece order by starts_at
        ) as value_starts_at,
        case when level = 1 and {{ json_or_null('node_text') }} is not null then closes_at end as whole_until
    from named

),

kept as (

    -- in a whole value, and not within the taxes or payments
    select
        *,
        max(case when is_never then closes_at end) over (partition by line_id, piece order by starts_at) as never_until,
        coalesce(max(case when bracket = '[' then closes_at end) over (
            partition by line_id, piece order by starts_at rows between unbounded preceding and 1 preceding
        ) > starts_at, false) as is_in_list,
        max(whole_until) over (partition by line_id, piece, value_starts_at) as value_closes_at
    from judged

),

ranked as (

    -- 1: of items by its prices or its name, 2: of things with names, 3: one item alone, 4: of things unknown, 5: empty
    select
        *,
        case
            when value_closes_at is null or never_until >= closes_at then null
            when bracket = '{' and price_count > 0 and (level = 1 or node_key = 'items') and not is_in_list then 3
            when bracket = '{' then null
            when is_empty and (
                node_key = 'items' or (level = 1 and (is_whole or starts_at <= 2 or mod(piece, 2) = 1))
            ) then 5
            when is_empty then null
            when element_price_count > 0 or node_key = 'items' then 1
            when element_name_count + element_classification_count > 0 then case when is_of_items then 1 else 2 end
            when is_of_items or object_count > 0 then 4
        end as list_rank
    from kept

),

best_ranked as (

    select
        *,
        min(list_rank) over (partition by line_id) as best_rank,
        min(case when list_rank = 1 then starts_at end) over (
            partition by line_id, piece order by starts_at rows between 1 following and unbounded following
        ) < closes_at as holds_lists
    from ranked

),

outermost as (

    -- a list in a list of items belongs to an item; pages or categories are no items but hold lists of them
    select
        *,
        list_rank = best_rank
        and best_rank <> 4
        and not (is_of_lists and coalesce(holds_lists, false)) as is_candidate
    from best_ranked

),

chosen as (

    select
        *,
        is_candidate
        and coalesce(max(case when is_candidate then closes_at end) over (
            partition by line_id, piece order by starts_at rows between unbounded preceding and 1 preceding
        ), 0) < starts_at as is_chosen
    from outermost

),

listed as (

    select
        *,
        case
            when is_chosen and bracket = '[' then concat('{"items":', node_text, '}')
            when is_chosen then concat('{"items":[', node_text, ']}')
        end as own_list,
        case
            when bracket = '{' and header_count > 0 then {{ json_or_null('node_text') }}
        end as header_document,
        -- the header stands around the list, else anywhere outside of lists
        bracket = '{' and coalesce(min(case when is_chosen then starts_at end) over (
            partition by line_id, piece order by starts_at rows between current row and unbounded following
        ) < closes_at, false) as is_around,
        bracket = '{' and not is_in_list as is_beside
    from chosen

),

numbers_alike as (

    select
        *,
        {{ numbers_like_texts('own_list') }} as compared_list
    from listed

),

documented as (

    select
        *,
        {{ json_or_null('compared_list') }} as compared_document
    from numbers_alike

),

told as (

    select
        *,
        cast({{ json_entries('compared_document', 'items', fields) }} as string) as meaning,
        {{ json_texts('header_document', ('$.' ~ header | join(' $.')).split(' ')) }} as header_texts
    from documented

),

compared as (

    select
        *,
        min(meaning) over (partition by line_id, piece, value_starts_at)
        <> max(meaning) over (partition by line_id, piece, value_starts_at) as is_several
    from told

)

select
    line_id,
    max(case when is_whole then 1 else 0 end) = 1 as is_whole,
    cast(max(repeated_keys) as bigint) as repeated_keys,
    min(own_list) as own_list,
    -- one that is broken or not closed and comes later may be the one that is meant
    coalesce(
        min(meaning) <> max(meaning)
        or max(case when level = 1 and value_closes_at is null then starts_at end)
        > min(case when is_chosen then starts_at end),
        false
    ) as has_several_answers,
    max(case when is_several then 1 else 0 end) = 1 as has_several_lists,
    max(case when bracket = '{' and value_closes_at is not null then 1 else 0 end) = 1 as has_object,
    {% for key in header -%}
        {% set text = list_item('header_texts', loop.index) -%}
        coalesce(
            {% for place in ['is_around', 'is_beside'] -%}
                case
                    when
                        min(case when {{ place }} then {{ text }} end)
                        = max(case when {{ place }} then {{ text }} end)
                        then max(case when {{ place }} then {{ text }} end)
                end{{ ',' if not loop.last }}
            {% endfor %}
        ) as {{ key }}{{ ',' if not loop.last }}
    {% endfor %}
from compared
group by line_id
{%- endmacro %}

{# Inside a class of a pattern: spaces that are none to JSON too (no-break, zero-width, marks of direction and byte order). #}
{% macro odd_blanks() -%}
    \s\p{Z}\x{AD}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{FEFF}
{%- endmacro %}
