"""Why the earnings say no."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import NotFound, Refused


class WrongNetworkName(Refused):
    message = _l("Le nom d’un réseau a de 1 à 32 lettres, chiffres ou tirets.")


class NetworkExists(Refused):
    status = 409
    message = _l("Ce réseau existe déjà ; son secret n’est plus montré.")


class UnknownNetwork(NotFound):
    message = _l("Ce réseau n’existe pas.")


class NotSigned(Refused):
    status = 401
    message = "The signature is missing, wrong, or older than 300 seconds."


class WrongReport(Refused):
    """A report that cannot be kept: the message names the field, in English, for a machine's owner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.message = reason


class ReportTooLong(Refused):
    status = 413
    message = "A report is at most 16 kB."


class OtherAmount(Refused):
    status = 409
    message = "This transaction was reported before with another amount, currency or click."


class UnknownConversion(NotFound):
    message = _l("Cette conversion n’existe pas.")


class RefundFollows(Refused):
    status = 409
    message = _l("Un remboursement suit sa vente : attribuez la vente, ou attendez qu’elle soit déclarée.")


class AttachedAlready(Refused):
    status = 409
    message = _l("Cette conversion est déjà attribuée.")


class UnknownClick(NotFound):
    message = _l("Ce clic n’existe pas, ou il n’est à personne.")


class AccountErased(Refused):
    status = 409
    message = _l("Ce compte a été effacé : la vente reste au programme.")


class UnknownCredit(NotFound):
    message = _l("Ce crédit n’existe pas.")


class NothingHeld(Refused):
    status = 409
    message = _l("Rien n’est retenu pour cette raison.")


class TooMuchTaken(Refused):
    message = _l("C’est plus que ce qui reste de ce crédit.")


class ReasonMissing(Refused):
    message = _l("Donnez une raison d’une ligne, de 1 à 200 caractères : le partenaire la lira.")


class WrongRate(Refused):
    message = _l("Un taux est le prix d’une unité en euros, par exemple USD 0.92.")


class WrongVersion(Refused):
    message = _l("La version d’un contrat tient sur une ligne de 1 à 40 caractères.")


class UnknownAdvertiser(NotFound):
    message = _l("Aucune offre n’a cet annonceur.")


class WrongMonth(Refused):
    message = _l("Un mois s’écrit AAAA-MM, par exemple 2026-11.")
