"""A partner's address in the one form that is kept, and the mailbox it belongs to."""

from __future__ import annotations

from difflib import get_close_matches

from flask_babel import lazy_gettext as _l

from contentflow import invisibles
from contentflow.mailing.addresses import AddressFault, BadAddress, address_key, check_address
from contentflow.partners.errors import NotAnAddress

NO_DOMAIN = _l("Cette adresse n’a pas de domaine : vérifie la fin.")
SENTENCES = {
    AddressFault.NO_AT: _l("Il manque le @ : écris l’adresse en entier, par exemple prenom@exemple.fr."),
    AddressFault.SEVERAL_ATS: _l("Une seule adresse à la fois, avec un seul @."),
    AddressFault.NO_DOMAIN: NO_DOMAIN,
    AddressFault.DOMAIN_WITHOUT_DOT: NO_DOMAIN,
    AddressFault.BAD_DOMAIN: NO_DOMAIN,
    AddressFault.TOO_LONG: _l("Cette adresse est trop longue pour exister : vérifie-la."),
}


# Where most people have their mail; their neighbours that exist stand here too, or would be doubted.
WELL_KNOWN = [
    "aol.com",
    "bbox.fr",
    "free.fr",
    "gmail.com",
    "gmx.com",
    "gmx.fr",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "hotmail.fr",
    "icloud.com",
    "laposte.net",
    "live.com",
    "live.fr",
    "mac.com",
    "mail.com",
    "me.com",
    "msn.com",
    "neuf.fr",
    "numericable.fr",
    "orange.fr",
    "outlook.com",
    "outlook.fr",
    "pm.me",
    "proton.me",
    "protonmail.com",
    "sfr.fr",
    "wanadoo.fr",
    "yahoo.com",
    "yahoo.fr",
    "ymail.com",
]


def normal(text: str) -> str:
    """Return the address in lower case with an ASCII domain; raises ``NotAnAddress``."""
    try:
        return address_key(check_address(text))
    except BadAddress as error:
        raise NotAnAddress(SENTENCES.get(error.reason) if invisibles.strip_value(text) else None) from None


def likely_meant(address: str) -> str | None:
    """Return the address with the well-known domain that a slip of the finger missed: a hint only."""
    local, _, domain = address.rpartition("@")
    if domain in WELL_KNOWN:
        return None
    near = get_close_matches(domain, WELL_KNOWN, n=1, cutoff=0.85)
    return f"{local}@{near[0]}" if near else None


def mailbox(address: str) -> str:
    """Return the address without its ``+tag``: all tags of one person share a limit."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
