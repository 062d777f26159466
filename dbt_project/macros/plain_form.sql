{#
  A printed price in ASCII as far as it has ASCII's meaning: digits of every script, full-width forms, marks and dashes
  of all kinds; spaces and apostrophes of every kind and run -> one space. What only steers the direction of writing or
  a line's break is dropped. Only what isn't ASCII already is translated: by so long a list that takes as long as all else.
#}
{% macro plain_form(text) -%}
    trim({{ regexp_replace_all(
        regexp_replace_all(
            regexp_replace_all(
                "case when " ~ regexp_first(text, '[^\\x00-\\x7F]') ~ " = '' then " ~ text
                ~ " else translate(" ~ text ~ ", '" ~ _look_alikes() ~ "', '" ~ _look_alikes(meant=true) ~ "') end",
                "[\\p{Cf}\\x{034F}\\x{FE00}-\\x{FE0F}]+",
                ""
            ),
            "[\\p{Pd}\\x{02D7}\\x{207B}\\x{208B}\\x{2212}\\x{2796}\\x{30FC}\\x{FF70}]",
            "-"
        ),
        "[\\s\\p{Z}'\\x{FF07}\\x{2018}-\\x{201B}\\x{2032}\\x{02B9}-\\x{02BD}\\x{A78C}`´]+",
        " "
    ) }})
{%- endmacro %}


{# The characters that translate() replaces, or (meant) those that it puts in their places, one for one. #}
{% macro _look_alikes(meant=false) -%}
    {#- marks: Arabic, Adlam, ideographic, small, raised -#}
    {{- '.,,,,.,.,..' if meant else '٫٬،⹁、。‚﹒﹐·‧' -}}
    {#- U+FF01 to U+FF5E are ASCII's characters in full width; here without the quotes and the backslash -#}
    {%- for place in range(1, 95) if place not in (2, 7, 60) -%}
        {{- '%c' | format((32 if meant else 65280) + place) -}}
    {%- endfor -%}
    {{- '¥₩£$' if meant else '￥￦￡﹩' -}}
    {#- the noughts of Unicode's decimal digits (Nd); the other nine follow each -#}
    {%- for nought in [
        1632, 1776, 1984, 2406, 2534, 2662, 2790, 2918, 3046, 3174, 3302, 3430, 3558, 3664, 3792, 3872, 4160, 4240,
        6112, 6160, 6470, 6608, 6784, 6800, 6992, 7088, 7232, 7248, 42528, 43216, 43264, 43472, 43504, 43600, 44016,
        66720, 68912, 68928, 69734, 69872, 69942, 70096, 70384, 70736, 70864, 71248, 71360, 71376, 71386, 71472, 71904,
        72016, 72688, 72784, 73040, 73120, 73184, 73552, 90416, 92768, 92864, 93008, 93552, 118000, 120782, 120792,
        120802, 120812, 120822, 123200, 123632, 124144, 124401, 125264, 130032,
    ] -%}
        {%- for digit in range(10) -%}
            {{- digit if meant else '%c' | format(nought + digit) -}}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
