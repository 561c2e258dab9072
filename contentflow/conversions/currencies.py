"""ISO 4217: which currencies there are, and how many digits their minor unit has. Pure.

List one of the standard, https://www.six-group.com/dam/download/financial-information/data-center/iso-currrency/lists/list-one.xml
of 1 January 2026, without metals, test codes and units of account, which have no minor unit. Display
data (CLDR) will not do: it shows 100 ariary without decimals, while networks report their hundredths.
"""

from __future__ import annotations

from typing import Final

_CODES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
        CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
        HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
        MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
        RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
        USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
ACTIVE: Final = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
# Withdrawn since 2016: a postback may be of a sale ten years ago, and a sale of then be refunded now.
WITHDRAWN: Final = {"BYR": 0} | dict.fromkeys(
    ("ANG", "BGN", "CUC", "HRK", "MRO", "SLL", "STD", "VEF", "ZWL"), 2
)
MINOR_DIGITS: Final = ACTIVE | WITHDRAWN
