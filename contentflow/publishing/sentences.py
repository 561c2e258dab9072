"""What states, steps and reasons of a publication are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

STATES: Final[Mapping[str, object]] = {
    "draft": _l("À confirmer à nouveau"),
    "scheduled": _l("Prévu"),
    "publishing": _l("Publication en cours"),
    "published": _l("Publié"),
    "failed": _l("Pas publié"),
    "needs_hand": _l("À toi de jouer"),
    "unknown": _l("Peut-être publié"),
    "declared": _l("Publié, d’après toi"),
    "cancelled": _l("Annulé"),
    "deleted": _l("Supprimé là-bas"),
}
# Of ``ui.chip``.
TONES: Final[Mapping[str, str]] = {
    "draft": "warn",
    "scheduled": "work",
    "publishing": "work",
    "published": "ok",
    "failed": "failed",
    "needs_hand": "warn",
    "unknown": "warn",
    "declared": "ok",
    "cancelled": "off",
    "deleted": "off",
}


PRIVACIES: Final[Mapping[str, object]] = {
    "PUBLIC_TO_EVERYONE": _l("Tout le monde"),
    "MUTUAL_FOLLOW_FRIENDS": _l("Mes amis"),
    "FOLLOWER_OF_CREATOR": _l("Mes abonnés"),
}


def connect_reason(reason: str | None) -> str:
    """Return why an account was not connected, in words."""
    sentences = {
        "unreachable": lambda: _("Ce serveur ne répond pas : vérifie son nom, ou réessaie plus tard."),
        "no_mastodon": lambda: _("Ce serveur ne parle pas comme Mastodon : vérifie son nom."),
        "no_bluesky": lambda: _("Ce serveur ne parle pas comme Bluesky : vérifie ton nom, ou le sien."),
        "declined": lambda: _("Tu as refusé, ou fermé la page : rien n’a été connecté."),
        "code": lambda: _("Le serveur n’a pas reconnu notre demande : recommence."),
        "scope": lambda: _(
            "Il manque un droit : sans lui nous ne pouvons pas publier. Recommence et accepte-les tous."
        ),
        "no_name": lambda: _("Le serveur n’a pas dit quel compte c’est : rien n’a été connecté."),
        "no_channel": lambda: _("Ce compte Google n’a pas de chaîne YouTube : crées-en une d’abord."),
        "taken": lambda: _("Ce compte est déjà connecté par une autre personne du programme."),
        "mismatch": lambda: _(
            "Le compte, son nom et son serveur ne vont pas ensemble : rien n’a été connecté."
        ),
    }
    return str(sentences[reason]()) if reason in sentences else ""


def number_words(counts: Mapping[str, Any]) -> list[str]:
    """Return each number that a platform told, in words; none for what it does not count."""
    told = []
    if (number := counts.get("likes")) is not None:
        told.append(ngettext("%(num)s j’aime", "%(num)s j’aime", number))
    if (number := counts.get("reposts")) is not None:
        told.append(ngettext("%(num)s republication", "%(num)s republications", number))
    if (number := counts.get("replies")) is not None:
        told.append(ngettext("%(num)s réponse", "%(num)s réponses", number))
    if (number := counts.get("views")) is not None:
        told.append(ngettext("%(num)s vue", "%(num)s vues", number))
    return told


def reason_sentence(reason: str | None) -> str:
    """Return why, in words; "" for a reason that says nothing to a partner."""
    sentences = {
        "late": lambda: _("L’heure prévue est passée : rien n’est parti sans toi."),
        "changed": lambda: _("Le post a changé depuis que tu l’as confirmé."),
        "archived": lambda: _("Le post a été archivé."),
        "disconnected": lambda: _("Le compte n’est plus connecté."),
        "reauth": lambda: _("Le compte demande une nouvelle connexion."),
        "paused": lambda: _("La plateforme est en pause pour tout le monde."),
        "suspended": lambda: _("Ton compte partenaire est suspendu."),
        "given_up": lambda: _("Nous n’avons pas pu savoir s’il y est : regarde, puis dis-le."),
        "busy": lambda: _("La plateforme demande de patienter."),
        "unreachable": lambda: _("La plateforme ne répond pas : nous réessayons."),
        "media": lambda: _("La plateforme n’a pas accepté la vidéo."),
        "rejected": lambda: _("La plateforme a refusé ce post."),
        "too_long": lambda: _("La plateforme a trouvé le texte trop long."),
        "inbox": lambda: _(
            "La vidéo est dans la boîte de réception de l’app : ouvre-la, coche le label, publie."
        ),
        "private": lambda: _("La vidéo y est, mais privée : rends-la publique là-bas."),
        "forbidden": lambda: _("Ce compte n’a pas le droit de publier là."),
    }
    return str(sentences[reason]()) if reason in sentences else ""
