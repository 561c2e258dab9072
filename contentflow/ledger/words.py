"""One word and one sentence for each account, on every page, in every file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import lazy_gettext as _l

ACCOUNTS: Final[Mapping[str, object]] = {
    "earned": _l("gagné"),
    "pending": _l("en attente"),
    "unapproved": _l("à approuver"),
    "held": _l("retenu"),
    "available": _l("disponible"),
    "unpaid": _l("pas encore versé"),
    "paying": _l("en cours de versement"),
    "paid": _l("versé"),
}
GLOSSARY: Final[Mapping[str, object]] = {
    "earned": _l("Tout ce que tes posts ont rapporté, remboursements déduits."),
    "pending": _l("Gagné, et gardé le temps que l’offre laisse aux remboursements."),
    "unapproved": _l("Annoncé, et pas encore dû : l’annonceur doit l’approuver, et peut encore le refuser."),
    "held": _l("Gagné, mais l’équipe vérifie d’abord, ou un contrat manque : la raison est toujours dite."),
    "available": _l("À toi : le prochain versement le comprend."),
    "unpaid": _l("En attente, retenu et disponible, ensemble."),
    "paying": _l(
        "Facturé en ton nom : le virement est en route, ou attend que tes coordonnées soient mises à jour."
    ),
    "paid": _l("Viré sur ton compte."),
}


def account_words(account: str) -> str:
    return str(ACCOUNTS[account])


def account_sentence(account: str) -> str:
    return str(GLOSSARY[account])
