{#
  On Spark the sources are what `loader export` wrote: external tables over the folders of Parquet parts at RAW_PARTS,
  created at every start, so that new parts are seen. Their columns are those of the warehouse's schema raw.
#}
{% macro attach_raw_parts() %}
    {% if execute and target.type == 'spark' and flags.WHICH in ['build', 'run', 'test', 'seed', 'retry'] %}
        {% set place = env_var('RAW_PARTS', '') %}
        {% if not place %}
            {{ exceptions.raise_compiler_error(
                'RAW_PARTS is not set: name the folder or URL that `loader export` wrote raw to'
            ) }}
        {% endif %}
        {% do run_query('create schema if not exists raw') %}
        {% for table, columns in _raw_columns().items() %}
            {% do run_query('drop table if exists raw.' ~ table) %}
            {% do run_query(
                'create table raw.' ~ table ~ ' (' ~ columns ~ ") using parquet location '" ~ place ~ '/' ~ table ~ "'"
            ) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{% macro _raw_columns() %}
    {{ return({
        'loads': 'load_id string, source string, model string, prompt_id string, status string, recorded_at timestamp',
        'receipts': 'receipt_id string, source string, source_key string, media_type string, width int, height int, '
            ~ 'image_bytes bigint, currency string, label string, rejected_reason string, load_id string, '
            ~ 'loaded_at timestamp, default_currency string, location string',
        'batch_requests': 'custom_id string, receipt_id string, model string, prompt_id string, shard_id string, '
            ~ 'attempt int, max_tokens int, load_id string, requested_at timestamp',
        'batch_jobs': 'job_id string, shard_id string, job string, fetched_at timestamp',
        'batch_output': 'job_id string, file_id string, file_kind string, line_number bigint, line string, '
            ~ 'line_bytes binary, load_id string, landed_at timestamp',
        'corrections': 'correction_id string, receipt_id string, answer_id string, item_number bigint, field string, '
            ~ 'value string, reason string, corrected_by string, corrected_at timestamp',
    }) }}
{% endmacro %}
