-- One row per month of purchase, currency and merchant: what was bought, and what was paid.
with receipts as (

    select
        *,
        -- date_trunc, grouped by, is what a cluster of Sail cannot send to its workers
        try_cast(concat(substr(cast(purchased_on as string), 1, 8), '01') as date) as month,
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
