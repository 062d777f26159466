{#
  The lists and objects in texts: a select over a relation with line_id and a text in which strings are what stands between
  two quotes (escapes_aside), blanks are single spaces and \u0004 ends all that is open. One row each:

    piece, level           which part between two \u0004 (from 0), and how many brackets are open with its own
    starts_at, closes_at   the places of its brackets in the text (from 1); null where it is not closed
    bracket, node_key      `[` or `{`, and the key that it stands at
    <key>_count            how often it has the key itself, for each of the keys
    element_<key>_count    how often the objects in it have the key; object_count of them there are
    header_count           how often it has one of the header's keys itself; header_key_count different ones
#}
{% macro json_nodes(relation, text, keys, header) -%}
with tokenised as (

    -- a string counts only with what may follow it, so that a quote in prose is none
    select
        line_id,
        {{ regexp_all(text, '"[^"\\x04]*" ?[:,}\\]]|[{}\\[\\]\\x04"]|[^"{}\\[\\]\\x04]+') }} as tokens
    from {{ relation }}

),

tokens as (

    {{ select_unnested('tokenised', ['line_id'], 'tokens') | indent(4) }}

),

located as (

    select
        line_id,
        position,
        element as token,
        cast(sum(length(element)) over (partition by line_id order by position) as integer) as ends_at,
        cast(sum(case when element = chr(4) then 1 else 0 end) over (
            partition by line_id order by position
        ) as integer) as piece
    from tokens

),

neighbours as (

    select
        *,
        lag(token) over (partition by line_id, piece order by position) as token_before,
        lead(token) over (partition by line_id, piece order by position) as token_after,
        lead(token, 2) over (partition by line_id, piece order by position) as second_after
    from located
    where trim(token) <> ''

),

{% set is_of_header = "replace(token, ' ', '') in ('\"" ~ header | join('":\', \'"') ~ "\":')" %}
{% set literal = '(?:-?[0-9][0-9.eE+-]*|true|false|null|-?[nN]a[nN]|-?Inf[a-z]*)' %}
stepped as (

    -- a bracket in prose opens nothing: after it stands what no JSON has there
    select
        *,
        token like '"%:' as is_key,
        case
            when token = '{' and (token_after like '"%:' or token_after = '}') then 1
            when
                token = '['
                and (
                    token_after in ('[', ']')
                    or token_after like '"_%'
                    or (token_after = '{' and (second_after like '"%:' or second_after = '}'))
                    or {{ regexp_first('token_after', '^ ?' ~ literal ~ '(?: ?, ?' ~ literal ~ ')* ?,? ?$') }} <> ''
                )
                then 1
            when token like '%}' or token like '%]' then -1
            else 0
        end as step
    from neighbours

),

summed as (

    select
        *,
        cast(sum(step) over (partition by line_id, piece order by position) as integer) as step_sum
    from stepped

),

levelled as (

    -- how many brackets are open, that of this token included; one that closes none stays at 0
    select
        *,
        step_sum
        - least(0, coalesce(min(step_sum) over (
            partition by line_id, piece order by position rows between unbounded preceding and 1 preceding
        ), 0))
        + case when step = -1 then 1 else 0 end as level
    from summed

),

counted_for as (

    -- each token counts for the list or object in which it stands, and for the one around that
    select
        levelled.*,
        level - steps_out as node_level,
        steps_out
    from levelled
    cross join (select 0 as steps_out union all select 1 as steps_out) as own_and_around
    where level > steps_out and (step = 1 or is_key or (step = -1 and steps_out = 0))

),

placed as (

    select
        *,
        max(case when step = 1 and steps_out = 0 then ends_at end) over (
            partition by line_id, piece, node_level order by position
        ) as starts_at,
        min(case when step = -1 then ends_at end) over (
            partition by line_id, piece, node_level order by position
            rows between current row and unbounded following
        ) as closes_at
    from counted_for

)

select
    line_id,
    piece,
    node_level as level,
    starts_at,
    max(case when step = 1 and steps_out = 0 then token end) as bracket,
    max(case when step = 1 and steps_out = 0 then closes_at end) as closes_at,
    max(case
        when step = 1 and steps_out = 0 and token_before like '"%:'
            then substr(token_before, 2, length(token_before) - 3)
    end) as node_key,
    count(case when step = 1 and steps_out = 1 and token = '{' then 1 end) as object_count,
    count(case when is_key and steps_out = 0 and {{ is_of_header }} then 1 end) as header_count,
    count(distinct case when is_key and steps_out = 0 and {{ is_of_header }} then replace(token, ' ', '') end)
        as header_key_count,
    {% for key in keys -%}
        {% for name, steps in [(key, 0), ('element_' ~ key, 1)] -%}
            count(
                case when is_key and steps_out = {{ steps }} and token in ('"{{ key }}":', '"{{ key }}" :') then 1 end
            ) as {{ name }}_count
            {{- ',' if not loop.last }}
        {% endfor %}
        {{- ',' if not loop.last }}
    {% endfor %}
from placed
group by line_id, piece, node_level, starts_at
{%- endmacro %}
