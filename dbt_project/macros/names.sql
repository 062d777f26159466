{# Names that mean something to this project, each written here alone; the loader has the same in its own words. #}

{# The model that the embedded reader goes by: an API model's answer comes before its. #}
{% macro embedded_reader() -%}
    'local-ocr'
{%- endmacro %}

{# The source of the drawn receipts, which step aside as soon as there are others. #}
{% macro drawn_samples() -%}
    'samples'
{%- endmacro %}

{# The currency of a receipt that says none: a row of reference.currencies, whose marks are unknown as well. #}
{% macro unknown_currency() -%}
    'XXX'
{%- endmacro %}

{# The category that takes what fits nowhere else: a row of reference.categories, wherever it stands there. #}
{% macro other_category() -%}
    'Other'
{%- endmacro %}

{# What an object in the list of taxes may call its amount, in the order in which they count; as text, to be split. #}
{% macro tax_keys() -%}
    amount tax_amount value tax price total
{%- endmacro %}
