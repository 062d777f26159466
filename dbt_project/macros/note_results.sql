{#
  Notes in the warehouse itself how its last builds ended, so that `loader publish` can refuse failing tests however
  dbt was started. One row per node, with its latest result, and one per kind of dbt command, of kind `invocation`: one
  that stays `started` tells of a run that was killed, one that is `empty` of a run with --empty. What a build of everything
  was made from (`loader dbt` says it in BUILT_FROM) is a row of kind `built_from`, until anything is built again. Only DuckDB
  warehouses are published, so other engines note nothing.
#}
{% macro note_start() %}
    {% if execute and target.type == 'duckdb' and changes_the_warehouse() %}
        {% do _write_start() %}
    {% endif %}
{% endmacro %}

{% macro note_results(results) %}
    {% if execute and target.type == 'duckdb' and changes_the_warehouse() %}
        {% do _write_results(results) %}
    {% endif %}
{% endmacro %}

{# `dbt docs generate` and `dbt compile` run the first hook, too, but not the last. #}
{% macro changes_the_warehouse() %}
    {{ return(flags.WHICH in ['build', 'run', 'test', 'seed', 'snapshot', 'retry']) }}
{% endmacro %}

{% macro _write_start() %}
    {% call statement('note_start', auto_begin=true) %}
    create schema if not exists audit;
    create table if not exists audit.build_results (
        node varchar not null,
        kind varchar not null,
        status varchar not null,
        dbt_version varchar not null,
        started_at timestamp not null
    );
    delete from audit.build_results
    where node = 'dbt {{ flags.WHICH }}' {% if flags.WHICH != 'test' %}or kind = 'built_from'{% endif %};
    insert into audit.build_results values {{ noted('dbt ' ~ flags.WHICH, 'invocation', 'started') }};
    {% endcall %}
    {% do adapter.commit() %}
{% endmacro %}

{% macro _write_results(results) %}
    {% set rows = [noted('dbt ' ~ flags.WHICH, 'invocation', 'empty' if flags.EMPTY else 'ended')] %}
    {% set nodes = ["'dbt " ~ flags.WHICH ~ "'"] %}
    {% for result in results if result.node.resource_type != 'operation' %}
        {% do rows.append(noted(result.node.unique_id, result.node.resource_type, result.status)) %}
        {% do nodes.append("'" ~ result.node.unique_id ~ "'") %}
    {% endfor %}
    {% set selected = invocation_args_dict.get('select') or invocation_args_dict.get('exclude')
        or invocation_args_dict.get('selector') or invocation_args_dict.get('resource_types')
        or invocation_args_dict.get('exclude_resource_types', []) | reject('equalto', 'unit_test') | list %}
    {% set is_whole = flags.WHICH == 'build' and not selected %}
    {% if is_whole and not flags.EMPTY and env_var('BUILT_FROM', '') %}
        {% do rows.append(noted(env_var('BUILT_FROM'), 'built_from', 'ended')) %}
    {% endif %}
    {% call statement('note_results', auto_begin=true) %}
    {% if is_whole %}
        delete from audit.build_results;
    {% else %}
        delete from audit.build_results where node in ({{ nodes | join(', ') }});
    {% endif %}
    insert into audit.build_results values {{ rows | join(', ') }};
    {% endcall %}
    {% do adapter.commit() %}
{% endmacro %}

{% macro noted(node, kind, status) -%}
    ('{{ node }}', '{{ kind }}', '{{ status }}', '{{ dbt_version }}',
    timestamp '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}')
{%- endmacro %}
