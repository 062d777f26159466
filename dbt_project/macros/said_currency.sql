{#
  What a word says of a currency. `currency_word` is the word as int_currencies__words has it, null where it says
  nothing; `said_currency` gives the currency that this names alone (`known`: its row there, if any), else itself where it looks like
  a code: one that nobody lists, such as the kuna's HRK, is a currency of its own, so that it is never added to another.
#}
{% macro currency_word(word) -%}
    nullif({{ regexp_replace_all(
        'lower(' ~ regexp_replace_all(word, '[\\s\\p{Z}\\x{FEFF}\\x{200B}]+', '') ~ ')',
        '^(?:xxx|xts|unk|unknown|n/a|nan|nil|none|nul|null|tbd)$',
        ''
    ) }}, '')
{%- endmacro %}

{% macro said_currency(word, known) -%}
    case
        when {{ known }}.word is not null then {{ known }}.currency
        else nullif({{ regexp_first('upper(' ~ word ~ ')', '^[A-Z]{3}$') }}, '')
    end
{%- endmacro %}
