{# Stops a build at once, with what to do, when the loader has not made its tables yet. #}
{% macro require_raw_tables() %}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['build', 'run', 'test'] %}
        {% for source in graph.sources.values() if source.source_name == 'raw' %}
            {% if not load_relation(api.Relation.create(
                database=source.database, schema=source.schema, identifier=source.identifier
            )) %}
                {{ exceptions.raise_compiler_error(
                    'no table ' ~ source.schema ~ '.' ~ source.identifier ~ ' in ' ~ target.path
                    ~ ': load receipts first (make load, or loader load)'
                ) }}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
