-- One row per currency and category.
{{ spend_by({}) }}
