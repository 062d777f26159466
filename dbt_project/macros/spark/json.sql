{#
  JSON on Spark and engines that speak its SQL: a JSON value is its text. What counts as JSON is decided here and
  not by the engine's own parser, since those differ: exactly what DuckDB's takes, with NaN and trailing commas, and
  without anything after the end.
#}

{% macro spark__json_or_null(text) -%}
    case when {{ _is_json(text) }} then {{ _without_lenience(text) }} end
{%- endmacro %}

{#
  Whether a text is one JSON document. Strings, numbers and literals shrink to one letter each, then lists and
  objects of such letters shrink to one, from the inside out: what is left of a document is `0`. The letters are
  control characters or digits, which stand in no JSON outside of strings, so that nothing can pretend to be one.
  Every pattern matches without nesting, since Java's engine recurses. Each round of the fold takes one level off;
  there are no more levels than opening brackets.
#}
{% macro _is_json(text) -%}
    {%- set shrunk = namespace(text=text) -%}
    {%- for pattern, letter in [
        ('\\\\(?:["\\\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}'
            ~ '|u(?:[0-9a-cA-CefEF][0-9a-fA-F]|[dD][0-7])[0-9a-fA-F]{2})', 'x'),
        ('"[^"\\\\\\x00-\\x1f]*"', '""'),
        ('-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null'
            ~ '|-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)', '0'),
        ('[ \\t\\n\\r]+', ''),
        ('"":', ':'),
        ('""', '0'),
    ] -%}
        {%- set shrunk.text = spark__regexp_replace_all(shrunk.text, pattern, letter) -%}
        {%- if loop.index == 4 -%}
            {#- from here on a colon stands for a key, so there must be none that does not follow a string -#}
            {%- set shrunk.text = spark__regexp_replace_all(shrunk.text, '(^|[^"]):', '\\1!') -%}
        {%- endif -%}
    {%- endfor -%}
    aggregate(
        sequence(1, least(regexp_count({{ text }}, '[\\[{]'), {{ _json_depth() }})),
        {{ shrunk.text }},
        (text, level) -> {{ spark__regexp_replace_all(
            'text', '\\[(?:0(?:,0)*,?)?\\]|\\{(?::0(?:,:0)*,?)?\\}', '0'
        ) }}
    ) = '0'
{%- endmacro %}

{# Lists and objects inside of one another that are read; deeper ones are no JSON here. #}
{% macro _json_depth() %}{{ return(4000) }}{% endmacro %}

{# JSON as parsers that are strict take it: without trailing commas, and NaN and infinities as text. #}
{% macro _without_lenience(text) -%}
    {%- set number = '-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)' -%}
    case
        when {{ text }} rlike {{ _spark_text(',[ \\t\\n\\r]*[\\]}]|[nN][aA][nN]|[iI][nN][fF]') }}
            then {{ _escapes_back(spark__regexp_replace_all(
                "replace(" ~ spark__regexp_replace_all(
                    spark__regexp_replace_all(_escapes_aside(text), '("[^"]*")|,[ \\t\\n\\r]*([\\]}])', '\\1\\2'),
                    '("[^"]*"|' ~ number ~ ')', '\\1\u0003'
                ) ~ ", '\"\u0003', '\"')",
                '(' ~ number ~ ')\u0003', '"\\1"'
            )) }}
        else {{ text }}
    end
{%- endmacro %}

{# With control characters, which stand in no JSON, for \\ and \": a string is then what stands between two quotes. #}
{% macro _escapes_aside(text) -%}
    replace(replace({{ text }}, '\\\\', '\u0001'), '\\"', '\u0002')
{%- endmacro %}

{% macro _escapes_back(text) -%}
    replace(replace({{ text }}, '\u0002', '\\"'), '\u0001', '\\\\')
{%- endmacro %}

{# JSON whose escapes are aside without the spaces between its strings. #}
{% macro _spaceless(text) -%}
    {{ spark__regexp_replace_all(text, '("[^"]*")|[ \\t\\n\\r]+', '\\1') }}
{%- endmacro %}


{#
  An object or a list among the texts is without spaces. Sail gives it as it stands in the document, where a text that
  only looks like one does not stand: its quotes are escaped there.
#}
{% macro spark__json_texts(document, paths) -%}
    transform(
        array(
            {%- for path in paths %}
            get_json_object({{ document }}, '{{ path }}'){{ ',' if not loop.last }}
            {%- endfor %}
        ),
        found -> case
            when found rlike {{ _spark_text('(?s)^[\\[{].*"') }} and instr({{ document }}, found) > 0
                then {{ _escapes_back(_spaceless(_escapes_aside('found'))) }}
            else found
        end
    )
{%- endmacro %}


{% macro spark__json_chunks_joined(chunks) -%}
    array_join(transform(
        filter(
            from_json({{ chunks }}, 'array<string>'),
            chunk -> coalesce(get_json_object(chunk, '$.type'), '') not in {{ _thinking_types() }}
            and coalesce(get_json_object(chunk, '$.thought'), '') <> 'true'
        ),
        chunk -> get_json_object(chunk, '$.text')
    ), '')
{%- endmacro %}


{# get_json_object gives a list and a text that looks like one alike, so the text of what holds it decides. #}
{% macro spark__json_is_list(document, path) -%}
    {%- set names = path.split('.') -%}
    coalesce(
        get_json_object({{ document }}, '{{ names[:-1] | join('.') }}')
        rlike {{ _spark_text('"' ~ names[-1] ~ '"[ \\t\\n\\r]*:[ \\t\\n\\r]*\\[') }},
        false
    )
{%- endmacro %}


{% macro spark__json_entries(document, key, fields) -%}
    {%- set at_key = "get_json_object(" ~ document ~ ", '$." ~ key ~ "')" -%}
    {%- set list -%}
        coalesce(
            case
                when {{ at_key }} like '[%' and {{ spark__json_is_list(document, '$.' ~ key) }} then {{ at_key }}
            end,
            case
                when
                    {{ _is_list_of('ltrim(' ~ document ~ ')', fields) }}
                    or {{ _is_empty_list(document) }}
                    then {{ document }}
            end,
            case
                when {{ _spark_has_field(at_key, fields) }} then concat('[', {{ at_key }}, ']')
                when {{ _spark_has_field(document, fields) }} then concat('[', {{ document }}, ']')
            end,
            {{ _unmarked(_bound(_spark_values_inside(_marked(document)), 'values',
                'coalesce(get(filter(values, inside -> ' ~ _is_list_of('inside', fields) ~ '), 0), '
                ~ 'get(filter(values, inside -> ' ~ _is_empty_list('inside') ~ '), 0))'
            )) }}
        )
    {%- endset -%}
    transform(
        {{ _bound(list, 'list', _spark_elements('list')) }},
        entry -> named_struct(
            {%- for field in fields %}
            '{{ field }}', get_json_object(entry, '$.{{ field }}'){{ ',' if not loop.last }}
            {%- endfor %}
        )
    )
{%- endmacro %}

{#
  A list's elements as texts, cut out as they stand: a parser may drop the first of two equal keys (Sail's does) and
  takes the quotes off a text that looks like an object. Lists of what is nested deeper are parsed all the same.
  The + after a * keeps Java's engine from recursing for every string; to Sail's it says nothing.
#}
{% macro _spark_elements(list) -%}
    {%- set strings = '[^{}"]*(?:"[^"]*"[^{}"]*)*+' -%}
    {%- set element = [
        '"[^"]*"',
        '\\{[^{}"]*(?:(?:"[^"]*"|\\{' ~ strings ~ '\\})[^{}"]*)*+\\}',
        '\\[[^\\[\\]{}"]*(?:"[^"]*"[^\\[\\]{}"]*)*+\\]',
        '[^\\[\\]{}",]+',
    ] | join('|') -%}
    {%- set inside = _spaceless(_escapes_aside(
        "regexp_extract(" ~ list ~ ", " ~ _spark_text('(?s)\\[(.*)\\]') ~ ", 1)"
    )) -%}
    {%- set cut = "regexp_extract_all(" ~ inside ~ ", " ~ _spark_text(element) ~ ", 0)" -%}
    {{ _bound(cut, 'cut',
        "case when size(cut) = json_array_length(" ~ list ~ ") then transform(cut, element -> "
        ~ _escapes_back('element') ~ ") else from_json(" ~ list ~ ", 'array<string>') end"
    ) }}
{%- endmacro %}


{#
  The values in an object come as texts, a text that looks like a list or an object like one: such texts are marked
  by a character of private use before they are looked at, and what was found loses the marks again.
#}
{% macro _marked(document) -%}
    {{ spark__regexp_replace_all(document, '(:[ \\t\\n\\r]*")([\\[{])', '\\1\uE000\\2') }}
{%- endmacro %}

{% macro _unmarked(value) -%}
    {{ spark__regexp_replace_all(value, '(:[ \\t\\n\\r]*")\uE000', '\\1') }}
{%- endmacro %}


{% macro _spark_has_field(document, fields) -%}
    coalesce(arrays_overlap(map_keys(from_json({{ document }}, 'map<string,string>')), array(
        {%- for field in fields %}'{{ field }}'{{ ', ' if not loop.last }}{% endfor -%}
    )), false)
{%- endmacro %}

{% macro _is_list_of(document, fields) -%}
    coalesce({{ document }} like '[%' and {{ _spark_has_field(
        "get_json_object(" ~ document ~ ", '$[0]')", fields
    ) }}, false)
{%- endmacro %}

{% macro _is_empty_list(document) -%}
    coalesce({{ spark__regexp_replace_all(document, '[ \\t\\n\\r]+', '') }} = '[]', false)
{%- endmacro %}

{# The values in a document, those in them and those in those, as texts: what is not an object holds none. #}
{% macro _spark_values_inside(document) -%}
    {{ _bound(_spark_values(document), 'first', _bound(_spark_values_of_each('first'), 'second',
        'concat(first, second, ' ~ _spark_values_of_each('second') ~ ')'
    )) }}
{%- endmacro %}

{% macro _spark_values_of_each(documents) -%}
    flatten(transform({{ documents }}, each -> {{ _spark_values('each') }}))
{%- endmacro %}

{# An expression over a name for another expression, which is then written and planned only once. #}
{% macro _bound(value, name, expression) -%}
    get(transform(array({{ value }}), {{ name }} -> {{ expression }}), 0)
{%- endmacro %}

{% macro _spark_values(document) -%}
    coalesce(map_values(from_json({{ document }}, 'map<string,string>')), cast(array() as array<string>))
{%- endmacro %}
