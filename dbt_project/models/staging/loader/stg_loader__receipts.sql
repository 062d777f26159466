with receipts as (

    select * from {{ source('raw', 'receipts') }}

)

select
    ---------- ids
    receipt_id,
    source,
    source_key,
    location,
    load_id,

    ---------- the image
    media_type,
    width,
    height,
    image_bytes,
    rejected_reason,

    ---------- what the source says of it
    upper(trim(currency)) as currency,
    upper(trim(default_currency)) as default_currency,
    label,

    ---------- when
    loaded_at
from receipts
