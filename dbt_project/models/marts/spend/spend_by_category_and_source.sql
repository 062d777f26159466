-- One row per source, currency and category.
{{ spend_by({'source': 'source'}) }}
