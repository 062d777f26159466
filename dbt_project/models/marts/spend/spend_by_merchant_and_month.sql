-- One row per month of purchase, currency and merchant: what was bought, and what was paid.
with receipts as (

    select * from {{ ref('receipts') }}
    where spend is not null

)

select
    cast(date_trunc('month', purchased_on) as date) as month,
    currency,
    merchant,
    count(*) as receipt_count,
    cast(sum(spend) as decimal(18, 3)) as spend,
    cast(sum(tax) as decimal(18, 3)) as tax,
    cast(sum(tip) as decimal(18, 3)) as tip,
    cast(sum(total) as decimal(18, 3)) as total,
    cast(coalesce(sum(case when reconciliation = 'balanced' then spend end), 0) as decimal(18, 3)) as proven_spend
from receipts
group by cast(date_trunc('month', purchased_on) as date), currency, merchant
