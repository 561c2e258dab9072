"""What states, reasons, verdicts and the parts of an audit entry are called in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.core.audit import AuditEntry
from contentflow.core.money import euros, share
from contentflow.links.sentences import CHANNEL_NAMES, VERDICTS
from contentflow.partners.roles import NAMES as ROLES

WORDS: Final[Mapping[str, object]] = {
    **CHANNEL_NAMES,
    **VERDICTS,
    **{str(role): name for role, name in ROLES.items()},
    "self": _l("clic du partenaire"),
    # What became of posts, videos, mails, holds and runs.
    "submitted": _l("à relire"),
    "new": _l("en attente"),
    "processing": _l("en préparation"),
    "ready": _l("prêt"),
    "failed": _l("échoué"),
    "archived": _l("retiré"),
    "withdrawn": _l("retiré"),
    "refused": _l("refusé"),
    "scheduled": _l("prévu"),
    "queued": _l("en attente"),
    "sending": _l("en cours d’envoi"),
    "sent": _l("envoyé"),
    "captured": _l("boîte locale"),
    "unknown": _l("inconnu"),
    "cancelled": _l("annulé"),
    "held": _l("retenu"),
    "kept": _l("gardé"),
    "released": _l("libéré"),
    "open": _l("à examiner"),
    "active": _l("ouvert"),
    "suspended": _l("suspendu"),
    "dismissed": _l("écarté"),
    "draft": _l("préparé"),
    "proposed": _l("proposé"),
    "approved": _l("approuvé"),
    # Why a gain is held.
    "contract": _l("contrat à signer"),
    "burst": _l("rafale"),
    "self_click": _l("clic du partenaire"),
    "robot": _l("robot"),
    "network_block": _l("un seul réseau"),
    "steady_block": _l("un seul réseau, sans pause"),
    "repeated": _l("mêmes visiteurs"),
    "no_sales": _l("clics sans vente"),
    "refund_ratio": _l("remboursements"),
    # What networks report, and what becomes of it.
    "sale": _l("vente"),
    "lead": _l("prospect"),
    "refund": _l("remboursement"),
    "clicks": _l("clics"),
    "unattributed": _l("à personne"),
    "no_click": _l("sans clic"),
    "unknown_click": _l("clic inconnu"),
    "account_erased": _l("compte effacé"),
    "waits_for_sale": _l("attend sa vente"),
    "follows_sale": _l("suit sa vente"),
    # Kinds of mails.
    "login": _l("connexion"),
    "confirmation": _l("confirmation"),
    "share": _l("partage"),
    "clip": _l("clip"),
    "invitation": _l("invitation"),
    "notice": _l("avis"),
    "publishing": _l("publication"),
    "bank": _l("compte bancaire"),
}
PARTS: Final[Mapping[str, object]] = {
    "state": _l("état"),
    "status": _l("état"),
    "reason": _l("raison"),
    "why": _l("raison"),
    "refusal": _l("raison"),
    "words": _l("mots"),
    "cents": _l("somme"),
    "net_cents": _l("net"),
    "total_cents": _l("total"),
    "partner": _l("partenaire"),
    "role": _l("rôle"),
    "name": _l("nom"),
    "path": _l("adresse"),
    "url": _l("adresse"),
    "advertiser": _l("annonceur"),
    "revshare_bp": _l("part"),
    "fixed_cents": _l("montant fixe"),
    "click_cents": _l("par clic"),
    "category": _l("catégorie"),
    "cause": _l("cause"),
    "month": _l("mois"),
    "on": _l("jour"),
    "version": _l("version"),
    "kind": _l("genre"),
    "payouts": _l("versements"),
    "left_out": _l("laissés de côté"),
    "alone": _l("seul"),
    "pauses": _l("pauses"),
    "transaction": _l("transaction"),
    "what": _l("quoi"),
    "is_active": _l("ouvert"),
    "act": _l("acte"),
    "undoes": _l("entrée annulée"),
    "contract": _l("contrat"),
}


def in_words(term: object) -> str:
    """Return a term in the reader's language; an unknown one stays as it is."""
    return str(WORDS.get(str(term), term))


def changes(entry: AuditEntry) -> list[str]:
    """Return what an act found and left, a sentence a part; a part that stayed as it was is said once."""
    before, after = entry.before or {}, entry.after or {}
    lines = []
    for part in dict.fromkeys((*before, *after)):
        said = {"part": str(PARTS.get(part, part)), "before": _said(part, before.get(part))}
        said["after"] = _said(part, after.get(part))
        if part in before and (part in after or not after) and said["before"] != said["after"]:
            lines.append(_("%(part)s : %(before)s → %(after)s", **said))
        else:
            value = said["after"] if part in after else said["before"]
            lines.append(_("%(part)s : %(value)s", part=said["part"], value=value))
    return lines


def _said(part: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(_("oui") if value else _("non"))
    if isinstance(value, dict):
        return ", ".join(f"{PARTS.get(name, name)} {_said(name, one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_said(part, one) for one in value)
    if isinstance(value, int) and part.endswith("cents"):
        return str(euros(value))
    if isinstance(value, int) and part.endswith("_bp"):
        return str(share(value))
    return in_words(value)
