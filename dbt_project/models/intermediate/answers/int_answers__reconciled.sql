-- One row per answer: what the receipt prints beside its items, and whether the items add up to what was to be paid.
{{ reconciled(
    ref('int_answers__described'), ref('int_items__valued'), ref('int_amounts__valued'), ref('currencies')
) }}
