"""Why an identity or an account is not taken."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from contentflow.core.errors import Refused


class NotASiret(Refused):
    message = _l(
        "Ce n’est pas un SIRET : quatorze chiffres, sur ton avis de situation SIRENE. Sans SIRET, ton solde "
        "attend : s’inscrire est gratuit, sur formalites.entreprises.gouv.fr."
    )


class Abroad(Refused):
    message = _l(
        "Le programme ne paie pour le moment que les partenaires établis en France : ailleurs, les factures "
        "ont d’autres mentions. Ton solde attend, rien n’est perdu."
    )


class WrongVatNumber(Refused):
    message = _l("Ce n’est pas un numéro de TVA français : FR, deux caractères, puis ton SIREN.")


class VatNumberOfAnother(Refused):
    message = _l(
        "Ce numéro de TVA est celui d’une autre entreprise : il finit par les neuf chiffres du SIREN."
    )


class NoName(Refused):
    message = _l(
        "Écris ce nom en entier, comme sur ton extrait ou ton relevé bancaire, sans dépasser la place."
    )


class NoStreet(Refused):
    message = _l("Écris le numéro et la rue, en 200 caractères au plus.")


class NoPostcode(Refused):
    message = _l("Écris le code postal : cinq chiffres.")


class NoCity(Refused):
    message = _l("Écris la ville, en 100 caractères au plus.")


class OddLetter(Refused):
    def __init__(self, letter: str) -> None:
        super().__init__()
        self.message: LazyString = _l(
            "Une facture ne peut pas montrer « %(letter)s » : écris sans.", letter=letter
        )


class NotAnIban(Refused):
    message = _l("Cet IBAN n’est pas juste : recopie-le en entier depuis ton RIB.")


class NotInSepa(Refused):
    message = _l(
        "Les virements du programme ne vont que vers l’espace SEPA : donne un compte qui s’y trouve."
    )


class OwnIban(Refused):
    message = _l("Cet IBAN est celui du programme : donne le tien.")


class NoMailForCode(Refused):
    status = 409
    message = _l("Un compte se confirme par un code, et aucun e-mail ne part d’ici : écris au programme.")


class BankCodeEnded(Refused):
    message = _l("Ce code n’est plus valable : donne de nouveau ton IBAN pour en recevoir un autre.")


class NotFrozen(Refused):
    status = 409
    message = _l("Les versements de ce partenaire ne sont pas gelés.")


class FreezeEnded(Refused):
    status = 410
    message = _l("Ce lien n’est plus valable. Écris au programme si ce n’était pas toi.")
