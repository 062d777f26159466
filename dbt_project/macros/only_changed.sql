{#
  Incremental building on DuckDB. A row's key is its receipt, or its job where it belongs to no receipt, and all rows
  of a key depend on raw rows of that key alone (and on seeds: one that changes makes everything anew). So a build makes anew the rows of those keys of which something has
  come since the last whole build (int_keys__to_rebuild), and replaces them. Other engines make their tables anew.

    int_parts__landed      what there is now, counted by parts that only ever grow
    audit.built_parts      the same as of the last build that made every table
    int_keys__to_rebuild   the keys in which the two differ
#}

{% macro incremental_on_duckdb() %}
    {{ return('incremental' if target.type == 'duckdb' else 'table') }}
{% endmacro %}

{# A where clause (`also`: what follows one) that leaves only rows of keys that are to be made anew. #}
{% macro only_changed(key, also=false) -%}
    {#- also while parsing, so that dbt knows the order; unit tests know no keys -#}
    {%- if not execute or (model.resource_type != 'unit_test' and is_incremental()) -%}
        {{ 'and' if also else 'where' }} {{ key }} in (select rebuild_key from {{ ref('int_keys__to_rebuild') }})
    {%- endif -%}
{%- endmacro %}

{# A where clause that leaves only the rows of files that this model has none of (all, in a full refresh). #}
{% macro only_new_files(relation) -%}
    {%- if execute and model.resource_type != 'unit_test' and is_incremental() -%}
        where file_id in (
            select landed.file_id from {{ relation }} as landed
            except
            select known.file_id from {{ this }} as known
        )
    {%- endif -%}
{%- endmacro %}

{#
  The strategy `replace_changed`: all rows whose `unique_key` (an expression over the table's columns) is to be made
  anew are replaced, also where nothing comes in their place, which `delete+insert` would leave.
#}
{% macro get_incremental_replace_changed_sql(arguments) %}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) %}
    {%- set keys = ref('int_keys__to_rebuild') %}
    delete from {{ arguments['target_relation'] }}
    where
        {{ arguments['unique_key'] }} in (select rebuild_key from {{ keys }})
        or exists (select 1 from {{ keys }} where kind = 'everything');
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{% endmacro %}

{% macro built_parts() %}
    {{ return(api.Relation.create(database=target.database, schema='audit', identifier='built_parts', type='table')) }}
{% endmacro %}

{# An offer's part: its run and the minute, so that a build in the middle of a long load makes only the rest anew. #}
{% macro offers_part() -%}
    concat(load_id, ' ', cast(date_trunc('minute', loaded_at) as string))
{%- endmacro %}

{# What the last whole build saw, as a select; nothing before there was one, and on engines that build all anew. #}
{% macro select_built_parts() %}
    {%- if execute and target.type == 'duckdb' and load_relation(built_parts()) %}
    select * from {{ built_parts() }}
    {%- else %}
    select
        cast(null as string) as kind,
        cast(null as string) as part,
        cast(null as bigint) as row_count
    where false
    {%- endif %}
{% endmacro %}

{# A full refresh, even of a part, may leave the rest behind: the next whole build makes everything anew. #}
{% macro forget_built_parts() %}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['build', 'run'] and flags.FULL_REFRESH
        and load_relation(built_parts()) %}
        {% do _write_built_parts('delete from ' ~ built_parts()) %}
    {% endif %}
{% endmacro %}

{#
  Before anything is made anew, what changed is in doubt (0 rows, which no part has), until a whole run is noted: a seed
  that is changed, built in part and changed back would seem unchanged.
#}
{% macro doubt_changed_parts() %}
    {% if execute and target.type == 'duckdb' and not flags.EMPTY and load_relation(built_parts()) %}
        create or replace table {{ built_parts() }} as
        select
            coalesce(landed.kind, built.kind) as kind,
            coalesce(landed.part, built.part) as part,
            case when landed.row_count = built.row_count then built.row_count else 0 end as row_count
        from {{ ref('int_parts__landed') }} as landed
        full outer join {{ built_parts() }} as built on landed.kind = built.kind and landed.part = built.part
    {% endif %}
{% endmacro %}

{# At the end of a run that made every table: what it saw has been built. #}
{% macro note_built_parts(results) %}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['build', 'run'] and not flags.EMPTY %}
        {% set made = results | selectattr('status', 'equalto', 'success') | map(attribute='node.name') | list %}
        {% set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list %}
        {% set wanted = models | rejectattr('config.materialized', 'equalto', 'view') | map(attribute='name') | list %}
        {% if wanted | reject('in', made) | list == [] %}
            {% set landed = models | selectattr('name', 'equalto', 'int_parts__landed') | first %}
            {% do _write_built_parts(
                'create or replace table ' ~ built_parts() ~ ' as select * from ' ~ landed.relation_name
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{% macro _write_built_parts(sql) %}
    {% call statement('write_built_parts', auto_begin=true) %}{{ sql }}{% endcall %}
    {% do adapter.commit() %}
{% endmacro %}
