{# What dbt-spark does otherwise than this project needs. All tables are Parquet, without constraints. #}

{# Inside a literal of Spark a backslash escapes: unit tests' JSON would lose its own. #}
{% macro spark__escape_single_quotes(expression) -%}
{{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}

{% macro spark__file_format_clause() %}
    using parquet
{%- endmacro %}

{# A schema's tables stand in a folder of LAKE where it is set, else where the catalog puts them. #}
{% macro spark__create_schema(relation) -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation }}
        {%- if env_var('LAKE', '') %} location '{{ env_var('LAKE') }}/{{ relation.schema }}'{% endif %}
    {% endcall %}
{% endmacro %}

{# `varchar` without a length is no type of Spark's. #}
{% macro _spark_type(type) -%}
    {{ return('string' if type | lower == 'varchar' else type) }}
{%- endmacro %}

{# The columns that a contract names, as an empty select. #}
{% macro spark__get_empty_schema_sql(columns) -%}
    select
        {%- for name, column in columns.items() %}
        cast(null as {{ _spark_type(column['data_type']) }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
{%- endmacro %}


{# Seeds as one statement each, since dbt-spark's own bindings escape nothing. #}
{% macro spark__create_csv_table(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {% set sql %}
        create table {{ this.render() }} (
            {%- for name in agate_table.column_names %}
            {{ name }} {{ _spark_type(types[name]) }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
        using parquet
    {% endset %}
    {% call statement('_') %}{{ sql }}{% endcall %}
    {{ return(sql) }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {% set sql %}
        insert into {{ this.render() }} values
        {%- for row in agate_table.rows %}
        (
            {%- for name in agate_table.column_names -%}
            cast({{ 'null' if row[name] is none else _spark_text(row[name] | string) }} as {{ _spark_type(types[name]) }})
            {{- ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    {% endset %}
    {% if agate_table.rows | length %}
        {% call statement('load') %}{{ sql }}{% endcall %}
    {% endif %}
    {{ return(sql) }}
{% endmacro %}

{# Sail takes no comment in `create table as`: the descriptions stay in dbt's documentation. #}
{% macro spark__comment_clause() %}{% endmacro %}
