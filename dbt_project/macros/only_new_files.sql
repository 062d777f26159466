{#
  Landed lines never change, so the model that reads them appends the files that it doesn't hold yet. All files are read
  again when the SQL by which they were read has changed since: audit.rules_of_models says by which that was.
#}

{# A where clause that leaves the rows of files that this model has none of (all, when it is made as a whole). #}
{% macro only_new_files(relation) -%}
    {%- if execute and model.resource_type != 'unit_test' and is_incremental() -%}
        where file_id in (
            select landed.file_id from {{ relation }} as landed
            except
            select known.file_id from {{ this }} as known
        )
    {%- endif -%}
{%- endmacro %}

{# dbt's own rule, and beside it: a table of landed lines that other SQL has read is made as a whole. #}
{% macro should_full_refresh() %}
    {% set wanted = config.get('full_refresh') %}
    {% if wanted is none %}
        {% set wanted = flags.FULL_REFRESH %}
    {% endif %}
    {% do return(wanted or (reads_lines() and noted_line_rules(this.identifier) != line_rules())) %}
{% endmacro %}

{# Whether this is a model that reads landed lines, on an engine whose tables outlast a build. #}
{% macro reads_lines() %}
    {% do return(
        execute and target.type == 'duckdb'
        and model.resource_type == 'model' and config.get('materialized') == 'incremental'
    ) %}
{% endmacro %}

{# The SQL from the landed line to its list of items, with the macros in it, as one hash. #}
{% macro line_rules() %}
    {% set sql = [] %}
    {% for name in ['stg_mistral__batch_output', 'int_output_lines__read'] %}
        {% set code = graph.nodes['model.' ~ project_name ~ '.' ~ name].raw_code %}
        {# names of relations are no rules, and neither is what only_new_files leaves #}
        {% do sql.append(render(modules.re.sub('[{][{] (?:config|ref|source|only_new_files)[(][^{}]*(?:[{][{][^{}]*[}][}][^{}]*)?[)] [}][}]', '', code))) %}
    {% endfor %}
    {% do return(local_md5(sql | join)) %}
{% endmacro %}

{% macro line_rules_table() %}
    {% do return(
        api.Relation.create(database=target.database, schema='audit', identifier='rules_of_models', type='table')
    ) %}
{% endmacro %}

{# Before a build, so that each of its models finds the table. #}
{% macro prepare_line_rules() %}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['build', 'run', 'retry'] %}
        {% call statement('prepare_line_rules', auto_begin=true) %}
            create schema if not exists audit;
            create table if not exists {{ line_rules_table() }} (model varchar primary key, rules varchar not null);
        {% endcall %}
        {% do adapter.commit() %}
    {% endif %}
{% endmacro %}

{# The hash with which a model was made; nothing when it never was. (dbt's cache does not know a table that a hook made.) #}
{% macro noted_line_rules(name) %}
    {% if flags.WHICH in ['build', 'run', 'retry'] or load_relation(line_rules_table()) %}
        {% set rows = run_query('select rules from ' ~ line_rules_table() ~ " where model = '" ~ name ~ "'").rows %}
        {% do return(rows[0][0] if rows) %}
    {% endif %}
{% endmacro %}

{#
  After each of these models, in its transaction. One that read what other SQL had made (`upstream`, in a build of this model
  alone) is not by today's rules, whatever its own SQL.
#}
{% macro note_line_rules(upstream=none) %}
    {% if execute and target.type == 'duckdb' and model.resource_type == 'model' %}
        {% set rules = line_rules() %}
        {% if upstream and noted_line_rules(upstream) != rules %}
            {% set rules = 'read from what other SQL has made' %}
        {% endif %}
        {% if reads_lines() and noted_line_rules(this.identifier) not in (none, rules) %}
            {% do log(this.identifier ~ ': the SQL that reads landed lines has changed: all were read again', info=true) %}
        {% endif %}
        insert or replace into {{ line_rules_table() }} values ('{{ this.identifier }}', '{{ rules }}');
    {% endif %}
{% endmacro %}
