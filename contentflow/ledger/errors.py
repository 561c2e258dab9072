"""Why the ledger says no."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import NotFound, Refused


class UnknownCommission(NotFound):
    message = _l("Ce crédit n’existe pas.")


class NothingHeld(Refused):
    status = 409
    message = _l("Rien n’est retenu pour cette raison.")


class NeedsContract(Refused):
    message = _l(
        "Ce gain attend un contrat : il est libéré quand un contrat accepté est noté, pas autrement."
    )


class WrongAcceptance(Refused):
    message = _l("Un contrat s’accepte aujourd’hui ou avant.")


class TooMuchReversed(Refused):
    message = _l("C’est plus que ce qui reste de ce crédit.")


class ReasonMissing(Refused):
    message = _l("Donnez une raison d’une ligne, de 1 à 200 caractères : le partenaire la lira.")


class WrongVersion(Refused):
    message = _l("La version d’un contrat tient sur une ligne de 1 à 40 caractères.")


class UnknownAdvertiser(NotFound):
    message = _l("Aucune offre n’a cet annonceur.")
