"""What the earnings say to a partner: verdicts in a sentence, reasons in general, kinds of entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext as _n

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
    "refund": _l("Remboursement"),
    "clawback": _l("Reprise"),
    "release": _l("Devenu disponible"),
    "hold": _l("Retenu"),
    "unhold": _l("Libéré"),
    "payout": _l("Versement"),
}

# One word and one sentence for each account, on every page, in every file.
ACCOUNTS: Final[Mapping[str, object]] = {
    "earned": _l("gagné"),
    "pending": _l("en attente"),
    "held": _l("retenu"),
    "available": _l("disponible"),
    "unpaid": _l("pas encore versé"),
    "paid": _l("versé"),
}
GLOSSARY: Final[Mapping[str, object]] = {
    "earned": _l("Tout ce que tes posts ont rapporté, remboursements déduits."),
    "pending": _l("Gagné, et gardé le temps que l’offre laisse aux remboursements."),
    "held": _l("Gagné, mais l’équipe vérifie d’abord, ou un contrat manque : la raison est toujours dite."),
    "available": _l("À toi : le prochain versement le comprend."),
    "unpaid": _l("En attente, retenu et disponible, ensemble."),
    "paid": _l("Viré sur ton compte."),
}
# What one hit is called in a file for people.
VERDICTS: Final[Mapping[str, object]] = {
    "valid": _l("valide"),
    "preview_bot": _l("aperçu de messagerie"),
    "prefetch": _l("page préparée d’avance"),
    "bot": _l("robot"),
    "self": _l("clic à toi"),
    "fraud": _l("rafale"),
    "duplicate": _l("doublon"),
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


def reason_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))


def kind_words(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def account_words(account: str) -> str:
    return str(ACCOUNTS[account])


def account_sentence(account: str) -> str:
    return str(GLOSSARY[account])


def explain_hits(counts: Mapping[str, int]) -> str:
    """Return “412 visites : 180 aperçus de messageries, 31 doublons, 201 valides.”"""
    hits = sum(counts.values())
    if not hits:
        return str(_("Aucune visite."))
    parts = ", ".join(_part(verdict, counts[verdict]) for verdict in _ORDER if counts.get(verdict))
    return str(_n("%(num)s visite : %(parts)s.", "%(num)s visites : %(parts)s.", hits, parts=parts))


_ORDER = ("preview_bot", "prefetch", "bot", "self", "fraud", "duplicate", "valid")


def _part(verdict: str, count: int) -> str:
    words = {
        "preview_bot": lambda: _n("%(num)s aperçu de messagerie", "%(num)s aperçus de messageries", count),
        "prefetch": lambda: _n("%(num)s page préparée d’avance", "%(num)s pages préparées d’avance", count),
        "bot": lambda: _n("%(num)s robot", "%(num)s robots", count),
        "self": lambda: _n("%(num)s clic à toi", "%(num)s clics à toi", count),
        "fraud": lambda: _n("%(num)s en rafale", "%(num)s en rafale", count),
        "duplicate": lambda: _n("%(num)s doublon", "%(num)s doublons", count),
        "valid": lambda: _n("%(num)s valide", "%(num)s valides", count),
    }
    return str(words[verdict]())
