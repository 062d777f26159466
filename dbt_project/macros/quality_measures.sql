{#
  The measures of extraction quality, as a select list over rows of marts.answer_quality that are grouped by
  something: counts, and the rates that follow from them.
#}
{% macro quality_measures() %}
    count(distinct receipt_id) as receipt_count,
    count(*) as answer_count,
    {%- for status in ['extracted', 'empty', 'truncated', 'unreadable', 'failed', 'missing', 'pending'] %}
    count(case when status = '{{ status }}' then 1 end) as {{ status }}_count,
    {%- endfor %}
    cast(sum(item_count) as bigint) as item_count,
    cast(sum(rejected_item_count) as bigint) as rejected_item_count,
    {{ share('sum(rejected_item_count)', 'sum(item_count)') }} as share_rejected,
    cast(sum(implausible_item_count) as bigint) as implausible_item_count,
    {{ share('sum(ambiguous_item_count)', 'sum(kept_item_count)') }} as share_ambiguous,
    {{ share('sum(other_item_count)', 'sum(kept_item_count)') }} as share_other,
    count(is_balanced) as reconciled_count,
    {{ share('count(case when is_balanced then 1 end)', 'count(is_balanced)') }} as share_balanced,
    count(label_item_count) as labelled_answer_count,
    {{ share(
        'sum(matched_item_count)', 'sum(case when label_item_count is not null then kept_item_count end)'
    ) }} as item_precision,
    {{ share('sum(matched_item_count)', 'sum(label_item_count)') }} as item_recall,
    {{ share('sum(matched_price_count)', 'sum(matched_item_count)') }} as price_accuracy,
    cast(coalesce(sum(prompt_tokens), 0) as bigint) as prompt_tokens,
    cast(coalesce(sum(completion_tokens), 0) as bigint) as completion_tokens,
    cast(sum(cost_usd) as decimal(18, 8)) as cost_usd,
    cast(sum(cost_usd) / nullif(count(distinct receipt_id), 0) as decimal(18, 8)) as cost_per_receipt_usd,
    cast(sum(cost_usd) * 1000 / nullif(sum(kept_item_count), 0) as decimal(18, 8))
        as cost_per_thousand_items_usd
{%- endmacro %}

{# A fraction as DOUBLE, null where there is nothing to divide by. #}
{% macro share(part, whole) -%}
    cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0)
{%- endmacro %}
