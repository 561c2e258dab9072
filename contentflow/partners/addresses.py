"""A partner's address in the one form that is kept, and the mailbox it belongs to."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from contentflow import unseen
from contentflow.mailing.addresses import BadAddress, Reason, address_key, check_address
from contentflow.partners.refusals import NotAnAddress

NO_DOMAIN = _l("Cette adresse n'a pas de domaine : vérifie la fin.")
SENTENCES = {
    Reason.NO_AT: _l("Il manque le @ : écris l'adresse en entier, par exemple prenom@exemple.fr."),
    Reason.SEVERAL_ATS: _l("Une seule adresse à la fois, avec un seul @."),
    Reason.NO_DOMAIN: NO_DOMAIN,
    Reason.DOMAIN_WITHOUT_DOT: NO_DOMAIN,
    Reason.BAD_DOMAIN: NO_DOMAIN,
    Reason.TOO_LONG: _l("Cette adresse est trop longue pour exister : vérifie-la."),
}


def normal(text: str) -> str:
    """Return the address in lower case with an ASCII domain; raises ``NotAnAddress``."""
    try:
        return address_key(check_address(text))
    except BadAddress as error:
        raise NotAnAddress(SENTENCES.get(error.reason) if unseen.value(text) else None) from None


def mailbox(address: str) -> str:
    """Return the address without its ``+tag``: all tags of one person share a limit."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
