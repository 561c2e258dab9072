"""Every way in which a partner, or somebody who would like to be one, is told no."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from contentflow.core.errors import NotFound, Refused


class NotAnAddress(Refused):
    status = 422
    message = _l("Cette adresse n’est pas complète : vérifie-la, par exemple prenom@exemple.fr.")

    def __init__(self, message: LazyString | None = None) -> None:
        super().__init__()
        self.message = message or self.message


class UnknownPartner(NotFound):
    message = _l("Aucun partenaire n’a cette adresse.")


class AddressTaken(Refused):
    status = 409
    message = _l("Cette adresse est déjà celle d’un autre partenaire.")


class NoMail(Refused):
    message = _l("Aucun e-mail ne part d’ici : donnez plutôt le lien de « partner login-link ».")


class NameTooLong(Refused):
    status = 422
    message = _l("Ce nom est trop long : 100 caractères au plus.")


class AccountClosed(Refused):
    status = 403
    message = _l("Ton compte est désactivé. Écris au programme si c’est une erreur.")


class LoginEnded(Refused):
    """The link or the code was used, is too old, was replaced, or never existed: all look alike."""

    status = 410
    message = _l("Ce lien a déjà servi ou il est trop ancien. Demandes-en un nouveau.")


class CodeEnded(LoginEnded):
    message = _l("Ce code n’est plus valable dans ce navigateur. Demandes-en un nouveau.")


class TooManyTries(LoginEnded):
    message = _l("Cinq codes faux : par sécurité, le lien et le code ne valent plus rien. Recommence.")


class LastOwner(Refused):
    status = 409
    message = _l("C’est la seule personne propriétaire : nommez-en une autre d’abord.")


class OwnRole(Refused):
    status = 409
    message = _l("Votre rôle se change par quelqu’un d’autre : demandez à une autre personne propriétaire.")


class UnknownRole(Refused):
    message = _l("Un rôle est owner, operator, accountant ou reader.")


class NoReason(Refused):
    message = _l("Dites pourquoi : la raison reste dans le journal.")


class WrongFactor(Refused):
    """Also for a code that was given before: each counts once."""

    message = _l("Ce n’est pas le bon code, ou il a déjà servi : attendez le suivant.")


class FactorLocked(Refused):
    status = 429
    message = _l("Cinq codes faux : attendez dix minutes avant le prochain essai.")

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class OwnPages(Refused):
    status = 409
    message = _l("Ce sont vos propres pages : ouvrez-les simplement.")


class FactorStands(Refused):
    status = 409
    message = _l("Votre second facteur est déjà en place.")


class NoFactor(Refused):
    status = 409
    message = _l("Aucun second facteur n’est en place pour cette personne.")
