{#
  The letters of an item's name -> what else on a receipt is called so ('total', 'tax', 'payment', 'change'), null for anything
  else. The whole name counts, without figures and signs: "TOTAL 0% yoghurt" is a yoghurt. Whether it is an item after
  all, its price must tell.
#}
{% macro named_like(letters) -%}
    {%- set words = {
        'total': [
            '(?:grand |sub |net |final |order |bill |invoice |receipt |sales |amount |balance )*(?:sub)?total'
                ~ '(?: (?:due|amount|amt|sales?|payable|paid|to pay|price|incl|inclusive|excl|exclusive|tax|vat|gst|sst|iva'
                ~ '|general|geral|ttc|ht|bayar|belanja|a pagar|a payer|à payer|mit|inkl|mwst|eur|euro|usd|gbp|chf|idr|rp|rm|myr))*',
            '(?:amount|balance) due', 'amount payable', 'to pay', 'sum', 'summe(?: eur)?', 'zwischensumme', 'gesamt',
            'gesamtbetrag', 'gesamtsumme', 'endbetrag', 'rechnungsbetrag', 'zu zahlen', 'sous total', 'montant(?: total)?',
            'net (?:a|à) payer', 'totale(?: complessivo| euro)?', 'subtotale', 'importe(?: total)?', 'a pagar', 'totaal',
            'subtotaal', 'te betalen', 'jumlah(?: bayar| total)?', 'toplam', 'genel toplam', 'ara toplam', 'razem', 'suma',
            'do zapłaty', 'celkem', 'k úhradě', 'yhteensä', 'summa', 'att betala', 'i alt', 'итого', 'всего', 'сумма',
            'к оплате', '合計', '小計', '总计', '合计', '小计', '總計', '합계', '소계', 'รวม', 'ยอดรวม', 'tổng cộng', 'σύνολο',
        ],
        'tax': [
            '(?:incl |inkl |sales |state |local |city |service )*(?:tax(?:es)?|vat|gst|hst|pst|qst|sst|cgst|sgst|igst|mwst|ust'
                ~ '|iva|tva|btw|moms|mva|ppn|kdv|topkdv)(?: (?:amount|total|incl|included|inkl|sr))?',
            'mehrwertsteuer', 'umsatzsteuer', 'pajak', 'ндс', '消費税', '内税', '外税', '税额', '부가세', 'φπα',
        ],
        'payment': [
            '(?:credit |debit |bank |gift )?card', '(?:amount |cash )?tender(?:ed)?', 'cash(?: paid| payment)?', 'credit', 'debit',
            'paid', 'payment', 'visa', 'mastercard', 'amex', 'eftpos', 'ec karte', 'girocard', 'bar', 'bargeld', 'gegeben',
            'karte', 'kartenzahlung', 'carte(?: bancaire)?', 'cb', 'especes', 'espèces', 'contanti', 'contant', 'efectivo',
            'tarjeta', 'dinheiro', 'cartão', 'tunai', 'bayar', 'kartu', 'nakit', 'gotówka', 'karta', 'наличные', 'карта',
            '現金', 'お預り', '现金', '현금', '카드',
        ],
        'change': [
            'change(?: due)?', 'rückgeld', 'wechselgeld', 'zurück', 'rendu(?: monnaie)?', 'monnaie', 'resto', 'cambio', 'vuelto',
            'troco', 'wisselgeld', 'kembali(?:an)?', 'baki', 'reszta', 'para üstü', 'сдача', 'お釣り', '找零', '거스름돈',
        ],
    } -%}
    case
        {% for kind, of_kind in words.items() -%}
            when {{ regexp_first(letters, '^(?:' ~ of_kind | join('|') ~ ')$') }} <> '' then '{{ kind }}'
        {% endfor %}
    end
{%- endmacro %}

{# A name as `named_like` compares it: letters and what belongs to them in lower case; all else is a space. #}
{% macro letters_of(name) -%}
    trim({{ regexp_replace_all("lower(" ~ name ~ ")", '[^\\p{L}\\p{M}]+', ' ') }})
{%- endmacro %}
