-- One row per part of what a build reads, with its number of rows: files of lines, shards of requests, jobs, the offers
-- of a run in one minute, and rows of seeds. Parts of raw only ever grow, so that an equal count means equal rows.
{% set seeds = {
    'currencies': [
        'currency', 'decimal_mark', 'printed_decimals', 'groups_by_two', 'plausible_min', 'plausible_max', 'symbols',
        'shared_symbol', 'cash_rounding',
    ],
    'categories': ['category', 'description'],
    'category_overrides': ['item_name', 'merchant', 'category'],
    'model_prices': ['model', 'input_usd_per_million', 'output_usd_per_million', 'batch_discount', 'status'],
} %}

with lines as (

    select * from {{ ref('int_output_lines__read') }}

),

requests as (

    select * from {{ ref('stg_raw__batch_requests') }}

),

snapshots as (

    select * from {{ ref('stg_raw__batch_jobs') }}

),

offers as (

    select * from {{ ref('stg_raw__receipts') }}

),

parts as (

    select
        'lines' as kind,
        file_id as part
    from lines

    union all

    select
        'requests' as kind,
        shard_id as part
    from requests

    union all

    select
        'jobs' as kind,
        job_id as part
    from snapshots

    union all

    select
        'offers' as kind,
        {{ offers_part() }} as part
    from offers

    {% for seed, columns in seeds.items() %}
        union all

        select
            'seed' as kind,
            concat(
                '{{ seed }}',
                {%- for column in columns %}
                    '|', coalesce(cast({{ column }} as string), ''){{ ',' if not loop.last }}
                {%- endfor %}
            ) as part
        from {{ ref(seed) }}
    {% endfor %}
)

select
    kind,
    part,
    count(*) as row_count
from parts
group by kind, part
