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
  Every pattern matches without nesting, since Java's engine recurses.
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
    {%- for depth in range(_json_depth()) -%}
        {%- set shrunk.text = spark__regexp_replace_all(
            shrunk.text, '\\[(?:0(?:,0)*,?)?\\]|\\{(?::0(?:,:0)*,?)?\\}', '0'
        ) -%}
    {%- endfor -%}
    {{ shrunk.text }} = '0'
{%- endmacro %}

{# Lists and objects inside of one another that are read; deeper ones are no JSON here. #}
{% macro _json_depth() %}{{ return(16) }}{% endmacro %}

{# JSON as parsers that are strict take it: without trailing commas, and NaN and infinities as text. #}
{% macro _without_lenience(text) -%}
    case
        when {{ text }} rlike {{ _spark_text(',[ \\t\\n\\r]*[\\]}]|[nN][aA][nN]|[iI][nN][fF]') }}
            then {{ spark__regexp_replace_all(
                spark__regexp_replace_all(
                    text,
                    '("[^"\\\\]*(?:\\\\.[^"\\\\]*)*")|,[ \\t\\n\\r]*([\\]}])',
                    '\\1\\2'
                ),
                '("[^"\\\\]*(?:\\\\.[^"\\\\]*)*"[ \\t\\n\\r]*:[ \\t\\n\\r]*)'
                ~ '(-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?))',
                '\\1"\\2"'
            ) }}
        else {{ text }}
    end
{%- endmacro %}


{% macro spark__json_texts(document, paths) -%}
    array(
        {%- for path in paths %}
        get_json_object({{ document }}, '{{ path }}'){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{% macro spark__json_chunks_joined(chunks) -%}
    array_join(transform(
        from_json({{ chunks }}, 'array<string>'), chunk -> get_json_object(chunk, '$.text')
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
    transform(
        from_json(
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
                {{ _unmarked(
                    'get(filter(' ~ _spark_values_inside(_marked(document)) ~ ', inside -> '
                    ~ _is_list_of('inside', fields) ~ '), 0)'
                ) }},
                get(filter({{ _spark_values_inside(_marked(document)) }}, inside -> {{ _is_empty_list('inside') }}), 0)
            ),
            'array<string>'
        ),
        entry -> named_struct(
            {%- for field in fields %}
            '{{ field }}', get_json_object(entry, '$.{{ field }}'){{ ',' if not loop.last }}
            {%- endfor %}
        )
    )
{%- endmacro %}


{% macro spark__json_object_with(document, fields) -%}
    coalesce(
        case when {{ _spark_has_field(document, fields) }} then {{ document }} end,
        {{ _unmarked(
            'get(filter(' ~ _spark_values_inside(_marked(document)) ~ ', inside -> '
            ~ _spark_has_field('inside', fields) ~ '), 0)'
        ) }}
    )
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
    coalesce(arrays_overlap(json_object_keys({{ document }}), array(
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
    {%- set first = _spark_values(document) -%}
    {%- set second = 'flatten(transform(' ~ first ~ ', one -> ' ~ _spark_values('one') ~ '))' -%}
    {%- set third = 'flatten(transform(' ~ second ~ ', two -> ' ~ _spark_values('two') ~ '))' -%}
    concat({{ first }}, {{ second }}, {{ third }})
{%- endmacro %}

{% macro _spark_values(document) -%}
    coalesce(map_values(from_json({{ document }}, 'map<string,string>')), cast(array() as array<string>))
{%- endmacro %}
