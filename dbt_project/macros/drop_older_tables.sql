{# An older warehouse builds as it is: what this project does not make any more is dropped, by name. #}
{% macro drop_older_tables() %}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['build', 'run'] %}
        {% call statement('drop_older_tables', auto_begin=true) %}
            {# views first, which read tables #}
            {% for view in ['batch_output', 'batch_jobs', 'batch_requests', 'receipts'] %}
                drop view if exists staging.stg_raw__{{ view }};
            {% endfor %}
            {% for table in [
                'intermediate.int_prices__read',
                'intermediate.int_parts__landed',
                'intermediate.int_keys__to_rebuild',
                'intermediate.int_calendar__days',
                'intermediate.int_currencies__signs',
                'intermediate.int_output_lines__unnested_to_items',
                'audit.built_parts',
                'audit.line_rules',
            ] %}
                drop table if exists {{ table }};
            {% endfor %}
        {% endcall %}
        {% do adapter.commit() %}
    {% endif %}
{% endmacro %}
