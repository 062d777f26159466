-- One row per currency and category.
{{ spend_by(ref('receipt_items'), {}) }}
