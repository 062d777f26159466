{#
  An amount that a person wrote, as the loader stores it, to DECIMAL(18, 3); null for all else. Engines disagree on what a
  number is: Spark reads the digits of any script, DuckDB exponents.
#}
{% macro corrected_amount(value) -%}
    try_cast({{ regexp_first(value, '^-?[0-9]+(?:[.][0-9]+)?\\z') }} as decimal(18, 3))
{%- endmacro %}
