"""Why a bank gave a transfer back, in words that a partner can act on. Pure."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

# ISO 20022, external code sets, ExternalStatusReason1Code and ExternalReturnReason1Code.
REASONS: Final = {
    "AC01": _l("l’IBAN est faux"),
    "AC03": _l("l’IBAN est faux"),
    "AC04": _l("le compte est clos"),
    "AC06": _l("le compte est bloqué"),
    "AC13": _l("ce type de compte ne reçoit pas de virement"),
    "AG01": _l("ce compte ne reçoit pas de virement"),
    "BE01": _l("le nom du titulaire ne correspond pas au compte"),
    "BE04": _l("l’adresse du titulaire manque"),
    "MD07": _l("le titulaire est décédé"),
    "MS02": _l("le titulaire du compte a refusé le virement"),
    "RC01": _l("la banque du compte n’est pas reconnue"),
    "RR04": _l("la banque ne donne pas la raison"),
    "FOCR": _l("l’équipe a demandé le retour du virement"),
    "CUST": _l("l’équipe a demandé le retour du virement"),
}


def reason_words(reason: str) -> str:
    """Return the bank's reason in words; what is no code of ours stands as it is."""
    return str(REASONS.get(reason, reason)) or str(_l("la banque n’a pas donné de raison"))
