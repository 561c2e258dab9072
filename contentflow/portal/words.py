"""What the pages of money say to a partner: reasons in general, kinds of entries, legal mentions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.core.money import euros

# In general words: who tries to cheat does not learn the rule.
REASONS: Final[Mapping[str, object]] = {
    "contract": _l("Dès 1 000 € par an avec un annonceur, la loi demande un contrat écrit accepté."),
    "burst": _l("Beaucoup de ventes ou de clics en très peu de temps : l’équipe vérifie."),
    "self_click": _l("Cela vient d’une visite faite depuis ton propre compte : l’équipe vérifie."),
    "robot": _l("La visite ressemble à celle d’un robot : l’équipe vérifie."),
    "network_block": _l("Beaucoup de visites viennent du même réseau : l’équipe vérifie."),
    "steady_block": _l("Beaucoup de visites viennent du même réseau : l’équipe vérifie."),
    "repeated": _l("Beaucoup de clics viennent des mêmes visiteurs : l’équipe vérifie."),
    "no_sales": _l("Beaucoup de clics et aucune vente : l’équipe vérifie."),
    "refund_ratio": _l("Beaucoup de tes ventes sont remboursées : l’équipe vérifie les nouvelles."),
}
KINDS: Final[Mapping[str, object]] = {
    "sale": _l("Vente"),
    "lead": _l("Contact"),
    "clicks": _l("Clics valides"),
    "attach": _l("Vente attribuée après coup"),
    "approve": _l("Approuvé par l’annonceur"),
    "suspend": _l("Approbation reprise par l’annonceur"),
    "correct": _l("Montant corrigé par l’annonceur"),
    "reject": _l("Refusé par l’annonceur"),
    "restore": _l("Rétabli par l’annonceur"),
    "refund": _l("Remboursement"),
    "clawback": _l("Reprise"),
    "release": _l("Devenu disponible"),
    "hold": _l("Retenu"),
    "unhold": _l("Libéré"),
    "payout": _l("Versement préparé"),
    "paid": _l("Virement fait"),
    "returned": _l("Virement revenu"),
    "cancelled": _l("Facture annulée : la somme est de nouveau disponible"),
    "carried": _l("Solde des années de plus de dix ans"),
}


# What a statement must say, on its page.
MENTIONS: Final = (
    _l("Ta part d’une vente est une part de sa commission, pas de son prix."),
    _l(
        "Ce relevé n’est pas une facture. Les montants sont hors taxes ; la TVA, si tu y es "
        "soumis, s’ajoute sur ta facture. En franchise en base, ta facture porte « TVA non "
        "applicable, art. 293 B du CGI »."
    ),
    _l(
        "Loi n° 2023-451 du 9 juin 2023, article 8, et décret n° 2025-1137 du 28 novembre 2025 : "
        "un contrat écrit est obligatoire à partir de 1 000 € hors taxes par an, par partenaire "
        "et annonceur."
    ),
    _l(
        "Les sommes reçues sont des revenus à déclarer. Les écritures sont gardées dix ans (code "
        "de commerce, art. L. 123-22) ; aucune n’est modifiée, une correction est une nouvelle "
        "écriture."
    ),
)


# Why a network took back what was available already; its postings name it, and the commissions around it.
CAUSES: Final[Mapping[str, object]] = {
    "rejected": _l("refusé par l’annonceur"),
    "restored": _l("rétabli par l’annonceur"),
    "corrected": _l("montant corrigé par l’annonceur"),
    "suspended": _l("l’annonceur a repris son approbation"),
}


def cause_words(note: str) -> str:
    """Return a posting's note in words: a network's “corrected 1000>800” (euro cents), or as it stands."""
    cause, change = (*note.split(" ", 1), "")[:2]
    if cause not in CAUSES:
        return note
    amounts = re.fullmatch(r"([0-9]+)>([0-9]+)", change)
    if amounts is None:
        return str(CAUSES[cause])
    before, after = (euros(int(cents)) for cents in amounts.groups())
    return f"{CAUSES[cause]} ({before} → {after})"


def state_words(state: str, approved_on: datetime | None) -> str:
    """Return where a sale stands with its advertiser; ``approved_on`` where the approval came later."""
    if state == "pending":
        return str(_("en attente de l’annonceur"))
    if state == "rejected":
        return str(_("refusé par l’annonceur"))
    return str(_("approuvé le %(day)s", day=format_date(approved_on, "long"))) if approved_on else ""


def reason_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))


def kind_words(kind: str) -> str:
    return str(KINDS.get(kind, kind))
