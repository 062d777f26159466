-- One row per month of purchase, currency and category; month is null where the receipt shows no date.
{{ spend_by({'month': month_of('purchased_on')}) }}
