-- Per currency, every mart that sums the items comes to the same spend.
with by_item as (

    select
        currency,
        sum(price) as spend
    from {{ ref('receipt_items') }}
    group by currency

),

others as (

    {% for mart in [
        'receipts',
        'receipt_categories',
        'spend_by_category',
        'spend_by_category_and_month',
        'spend_by_category_and_source',
        'spend_by_merchant_and_month',
    ] -%}
        select
            '{{ mart }}' as mart,
            currency,
            sum(spend) as spend
        from {{ ref(mart) }}
        group by currency
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    others.mart,
    coalesce(others.currency, by_item.currency) as currency,
    others.spend,
    by_item.spend as spend_by_item
from others
left join by_item on others.currency = by_item.currency
where coalesce(others.spend, 0) <> coalesce(by_item.spend, 0)

union all

select
    'spend_by_category' as mart,
    by_item.currency,
    cast(null as decimal(18, 3)) as spend,
    by_item.spend as spend_by_item
from by_item
left join {{ ref('spend_by_category') }} as by_category on by_item.currency = by_category.currency
where by_category.currency is null
