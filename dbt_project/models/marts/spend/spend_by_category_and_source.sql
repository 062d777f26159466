-- One row per source, currency and category.
{{ spend_by(ref('receipt_items'), {'source': 'source'}) }}
