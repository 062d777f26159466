-- Corrections of receipts that are not what they were: another image is in their place.
select
    corrections.correction_id,
    corrections.receipt_id,
    corrections.field,
    corrections.value,
    repeated.duplicate_of as later_receipt_id,
    repeated.why
from {{ ref('int_corrections__standing') }} as corrections
inner join {{ ref('int_receipts__repeated') }} as repeated on corrections.receipt_id = repeated.receipt_id
where repeated.is_other_image
