"""Why conversions are refused."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.core.errors import NotFound, Refused


class WrongNetworkName(Refused):
    message = _l("Le nom d’un réseau a de 1 à 32 lettres, chiffres ou tirets.")


class NetworkExists(Refused):
    status = 409
    message = _l("Ce réseau existe déjà ; son secret n’est plus montré.")


class UnknownNetwork(NotFound):
    message = _l("Ce réseau n’existe pas.")


class InvalidSignature(Refused):
    status = 401
    message = "The signature is missing, wrong, or older than 300 seconds."


class InvalidPayload(Refused):
    """A payload that cannot be kept: the message names the field, in English, for a machine's owner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.message = reason


class PayloadTooLong(Refused):
    status = 413
    message = "A report is at most 16 kB."


class WrongMapping(Refused):
    """A mapping that cannot be kept: the message names the line."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.message = _("Cette ligne ne convient pas à un réseau : %(line)s", line=line)


class UnknownPreset(Refused):
    message = _l("Ce réseau n’a pas de réglage tout prêt ; « generic » convient à la plupart.")


class SecretWouldEnd(Refused):
    """Two secrets are good: another one would stop the older of them at once."""

    status = 409
    message = _l("Deux secrets valent pour ce réseau : un troisième arrêterait tout de suite le plus ancien.")


class NoSecretBefore(Refused):
    status = 409
    message = _l("Un seul secret vaut pour ce réseau.")


class NoToken(Refused):
    status = 409
    message = _l("Ce réseau n’a pas encore de jeton : « contentflow network rotate » lui en donne un.")


class NetworkRetired(NotFound):
    message = "This network is retired."


class WrongNetworkToken(Refused):
    """An unknown network is refused in the same words as a wrong token."""

    status = 401
    message = "The network or its token is wrong."


class ConflictingReplay(Refused):
    status = 409
    message = "This transaction was reported before with another amount, currency or click."


class UnknownConversion(NotFound):
    message = _l("Cette conversion n’existe pas.")


class RefundFollows(Refused):
    status = 409
    message = _l("Un remboursement suit sa vente : attribuez la vente, ou attendez qu’elle soit déclarée.")


class AlreadyAttributed(Refused):
    status = 409
    message = _l("Cette conversion est déjà attribuée.")


class UnknownClick(NotFound):
    message = _l("Ce clic n’existe pas, ou il n’est à personne.")


class AccountErased(Refused):
    status = 409
    message = _l("Ce compte a été effacé : la vente reste au programme.")


class WrongRate(Refused):
    message = _l("Un taux est le prix d’une unité en euros, par exemple USD 0.92.")
