-- One row per month of purchase, currency and merchant: what was bought, and what was paid.
with receipts as (

    select
        *,
        {{ month_of('purchased_on') }} as month,
        case when reconciliation = 'balanced' then spend else 0 end as proven_spend
    from {{ ref('receipts') }}
    where spend is not null

)

select
    month,
    currency,
    merchant,
    count(*) as receipt_count,
    cast(sum(spend) as decimal(18, 3)) as spend,
    cast(sum(tax) as decimal(18, 3)) as tax,
    cast(sum(tip) as decimal(18, 3)) as tip,
    cast(sum(total) as decimal(18, 3)) as total,
    cast(sum(proven_spend) as decimal(18, 3)) as proven_spend
from receipts
group by month, currency, merchant
