"""What addresses and mails are called to a partner: the only place of these words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from contentflow.mailing.addresses import AddressFault

# The texts one can look at in the kit: “copy” is the one for everywhere else.
TEXT_TABS: Final = ("copy", "whatsapp", "telegram", "x", "linkedin", "facebook", "threads", "bluesky")


# Addresses and mails

ELIGIBILITY_SENTENCES = {
    "queued": _l("Recevra ton message"),
    "invalid": _l("Adresse illisible : vérifie-la."),
    "duplicate": _l("Déjà dans la liste"),
    "already_sent": _l("A déjà reçu ce post"),
    "unavailable": _l("Ne recevra pas ce message"),
    "not_confirmed": _l("N’a pas encore dit oui : invite cette personne d’abord."),
}
ALREADY_SENTENCES = {
    "waiting": _l("Son message attend déjà de partir"),
    "unknown": _l("A peut-être déjà reçu ce post"),
}
REASON_SENTENCES = {
    AddressFault.NO_AT: _l("Il manque le « @ » : vérifie l’adresse."),
    AddressFault.SEVERAL_ATS: _l("Il y a plusieurs « @ » : sépare les adresses par des virgules."),
    AddressFault.NO_LOCAL: _l("Il manque ce qui précède le « @ »."),
    AddressFault.NO_DOMAIN: _l("Cette adresse n’a pas de domaine : vérifie la fin."),
    AddressFault.DOMAIN_WITHOUT_DOT: _l("Le domaine est incomplet : vérifie la fin (.fr, .com…)."),
    AddressFault.BAD_LOCAL: _l("Ce qui précède le « @ » contient un caractère interdit."),
    AddressFault.NON_ASCII_LOCAL: _l(
        "Les accents avant le « @ » ne passent pas partout : vérifie l’adresse."
    ),
    AddressFault.BAD_DOMAIN: _l("Ce domaine n’existe pas sous cette forme : vérifie la fin."),
    AddressFault.TOO_LONG: _l("Cette adresse est trop longue pour être vraie."),
}
STATE_SENTENCES = {
    "scheduled": _l("Programmé"),
    "queued": _l("En attente"),
    "sending": _l("Part à l’instant"),
    "sent": _l("Envoyé"),
    "captured": _l("Dans la boîte locale : rien n’est parti"),
    "failed": _l("Refusé par le service d’envoi"),
    "unknown": _l("Issue inconnue : il ne sera pas renvoyé"),
    "cancelled": _l("Annulé"),
}
# Green is for what left, and for nothing else.
STATE_ICONS = {
    "sent": "check",
    "scheduled": "clock",
    "queued": "clock",
    "sending": "clock",
    "captured": "info",
    "cancelled": "x",
}
# What may still change: the page asks again until nothing of a send is so.
UNSETTLED: Final = frozenset({"queued", "sending"})


class AddressLine(NamedTuple):
    """An address of a send as a list shows it: “” once it is erased; ``slip`` is what was likely meant."""

    address: str
    sentence: str
    icon: str
    eligibility: str = ""
    state: str | None = None
    slip: str | None = None


def explain(eligibility: str, reason: str = "") -> str:
    """Say what will become of an address; ``reason`` as in ``Candidate``."""
    if eligibility == "invalid" and reason in list(AddressFault):
        return str(REASON_SENTENCES.get(AddressFault(reason), ELIGIBILITY_SENTENCES["invalid"]))
    if eligibility == "already_sent" and reason in ALREADY_SENTENCES:
        return str(ALREADY_SENTENCES[reason])
    return str(ELIGIBILITY_SENTENCES[eligibility])


def mail_line(address: str | None, state: str, eligibility: str = "") -> AddressLine:
    """Say what became of a mail."""
    icon = STATE_ICONS.get(state, "triangle-alert")
    return AddressLine(address or "", str(STATE_SENTENCES[state]), icon, eligibility, state)


def headline(states: Sequence[str]) -> str:
    """Say in one sentence what became of the mails of a send, by their states."""
    going, sent, captured = (
        sum(state in group for state in states) for group in (UNSETTLED, {"sent"}, {"captured"})
    )
    if going:
        return str(ngettext("%(num)s message en route", "%(num)s messages en route", going))
    if later := sum(state == "scheduled" for state in states):
        return str(ngettext("%(num)s message programmé", "%(num)s messages programmés", later))
    if sent:
        return str(ngettext("%(num)s message envoyé", "%(num)s messages envoyés", sent))
    if captured:
        return str(_("Rien n’est parti : aucun service d’e-mail n’est réglé."))
    if states and set(states) == {"cancelled"}:
        return str(_("Envoi annulé : rien n’est parti."))
    if "unknown" in states:
        return str(_("On ne sait pas si ces messages sont arrivés."))
    return str(_("Aucun message n’est parti."))
