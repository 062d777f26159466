-- One row per month of purchase, currency and category; month is null where the receipt shows no date.
{{ spend_by({'month': "cast(date_trunc('month', purchased_on) as date)"}) }}
