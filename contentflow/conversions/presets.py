"""How known networks report, each from its public documentation: its mapping and the macros of its address.

What a network names no state for waits (``approval=report``): for a report that does, or for its statement.
A field is called as the network calls it, so that its GET, its form and its JSON are read alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

GENERIC: Final = "generic"
# As most write them: https://docs.keitaro.io/en/campaigns-and-streams/s2s-postback-placeholders.html
WORDS: Final = {
    "pending": "pending,hold,on hold,new,open,waiting,lead,en attente",
    "approved": "approved,confirmed,accepted,validated,locked,closed,paid,sale,validé",
    "rejected": "rejected,declined,denied,reversed,cancelled,canceled,refused,deleted,trash,refusé",
}


class Preset(NamedTuple):
    """``mapping`` is a network's own (see the module of that name).

    ``macros`` maps the fields of the address to what the network fills in; empty where it calls nobody.
    """

    mapping: Mapping[str, str]
    macros: Mapping[str, str]


PRESETS: Final[Mapping[str, Preset]] = {
    # https://developer.awin.com/docs/request-types (GET, and POST with the field AwinTransactionPush):
    # recorded sales alone, no state; times in UTC; the commission is in the transaction's currency.
    "awin": Preset(
        {
            "transaction": "transactionId",
            "click_id": "clickRef",
            "amount": "commission",
            "currency": "transactionCurrency",
            "at": "transactionDate",
            "zone": "UTC",
            "json_field": "AwinTransactionPush",
            "approval": "report",
        },
        {
            "transactionId": "!!!transactionId!!!",
            "clickRef": "!!!clickRef!!!",
            "commission": "!!!commission!!!",
            "transactionCurrency": "!!!transactionCurrency!!!",
            "transactionDate": "!!!transactionDate!!!",
        },
    ),
    # https://help-center.affise.com/en/articles/6483741-affiliate-postback-url-macros and, for the words,
    # https://help-center.affise.com/en/articles/6618579-conversion-statuses
    "affise": Preset(
        {
            "transaction": "transactionid",
            "click_id": "sub1",
            "amount": "sum",
            "currency": "currency",
            "status": "status",
            "at": "date",
            "zone": "UTC",
            "approved": "1",
            "pending": "2,5",
            "rejected": "3",
        },
        {
            "transactionid": "{transactionid}",
            "sub1": "{sub1}",
            "sum": "{sum}",
            "currency": "{currency}",
            "status": "{status}",
            "date": "{date}",
        },
    ),
    # https://support.tune.com/hc/en-us/articles/1500008248741-Passing-Values-to-a-Partner-Conversion-URL:
    # transaction_id is the click's session, so the conversion's own number is taken. A partner's address is
    # called when a conversion is approved; later changes are not reported.
    "tune": Preset(
        {
            "transaction": "conversion_unique_id",
            "click_id": "aff_sub",
            "amount": "payout",
            "currency": "currency",
            "status": "status",
            "at": "datetime",
            "zone": "UTC",
        },
        {
            "conversion_unique_id": "{conversion_unique_id}",
            "aff_sub": "{aff_sub}",
            "payout": "{payout}",
            "currency": "{currency}",
            "datetime": "{datetime}",
        },
    ),
    # https://helpdesk.everflow.io/en/articles/6173403-a-guide-to-parameters-and-macros: transaction_id is
    # the click's. https://developers.everflow.io/webhooks/conversion-webhooks names the states.
    "everflow": Preset(
        {
            "transaction": "conversion_id",
            "click_id": "sub1",
            "amount": "payout_amount",
            "currency": "currency",
            "status": "status",
            "at": "timestamp",
            "zone": "UTC",
            "rejected": "rejected,invalid",
        },
        {
            "conversion_id": "{conversion_id}",
            "sub1": "{sub1}",
            "payout_amount": "{payout_amount}",
            "currency": "{currency}",
            "timestamp": "{timestamp}",
        },
    ),
    # https://docs.cj.com/docs/commissiondetail-api-publisher: no postback at all, so its statement is
    # imported. A correction is a commission of its own, below 0, that names the original one.
    "cj": Preset(
        {
            "transaction": "commissionId",
            "click_id": "shopperId",
            "amount": "pubCommissionAmountPubCurrency",
            "currency": "pubCurrency",
            "status": "actionStatus",
            "at": "eventDate",
            "changed_at": "postingDate",
            "zone": "UTC",
            "negative": "refund",
            "pending": "new,extended",
            "approved": "locked,closed",
            "rejected": "corrected",
            "approval": "report",
        },
        {},
    ),
    # https://help.impact.com/en/support/solutions/articles/155000000882-enable-action-clearing-events-notifications
    # and …/48001237753: Payout is the whole commission after each change, DeltaPayout the difference.
    "impact": Preset(
        {
            "transaction": "ActionId",
            "click_id": "SubId1",
            "amount": "Payout",
            "currency": "Currency",
            "status": "Status",
            "at": "EventDate",
            "zone": "UTC",
            "rejected": "reversed,rejected",
        },
        {
            "ActionId": "{ActionId}",
            "SubId1": "{SubId1}",
            "Payout": "{Payout}",
            "Currency": "{Currency}",
            "Status": "{Status}",
            "EventDate": "{EventDate}",
        },
    ),
    # https://dev.tradedoubler.com/conversions/publisher: a subscription names its attributes itself, calls
    # for each change of state, and knows P, A and D.
    "tradedoubler": Preset(
        {
            "transaction": "transactionId",
            "click_id": "epi",
            "amount": "commission",
            "currency": "currency",
            "status": "status",
            "at": "timeOfTransaction",
            "changed_at": "timeOfLastModified",
            "zone": "Europe/Stockholm",
            "pending": "p,pending",
            "approved": "a,approved",
            "rejected": "d,denied,deleted",
        },
        {
            "transactionId": "${transactionId}",
            "epi": "${epi}",
            "commission": "${commission}",
            "currency": "${currency}",
            "status": "${status}",
            "timeOfTransaction": "${timeOfTransaction}",
            "timeOfLastModified": "${timeOfLastModified}",
        },
    ),
    # https://helpdesk-publisher.kwanko.com/en/support/solutions/articles/101000419603-be-notified-when-a-conversion-has-been-made:
    # recorded conversions alone, no state; TSNOW is Unix seconds.
    "kwanko": Preset(
        {
            "transaction": "UNIQUE_CONV_ID",
            "click_id": "ARGSITE",
            "amount": "GAINAF",
            "currency": "CURRENCY_GAINAF",
            "at": "TSNOW",
            "zone": "Europe/Paris",
            "approval": "report",
        },
        {
            "UNIQUE_CONV_ID": "{UNIQUE_CONV_ID}",
            "ARGSITE": "{ARGSITE}",
            "GAINAF": "{GAINAF}",
            "CURRENCY_GAINAF": "{CURRENCY_GAINAF}",
            "TSNOW": "{TSNOW}",
        },
    ),
    # For every other network: its macros are put in the braces' place.
    GENERIC: Preset(
        {
            **{name: name for name in ("transaction", "click_id", "amount", "currency", "status", "type")},
            **{name: name for name in ("at", "changed_at", "refund_of")},
            "zone": "UTC",
            **WORDS,
        },
        {
            "transaction": "{transaction}",
            "click_id": "{click_id}",
            "amount": "{amount}",
            "currency": "{currency}",
            "status": "{status}",
        },
    ),
}
