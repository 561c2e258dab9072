"""What channels and the verdicts of clicks are called, and what they mean to the partner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext as _n

from contentflow.links.verdicts import Verdict

CHANNEL_NAMES: Final[Mapping[str, object]] = {
    "whatsapp": "WhatsApp",
    "telegram": "Telegram",
    "x": "X",
    "linkedin": "LinkedIn",
    "facebook": "Facebook",
    "threads": "Threads",
    "bluesky": "Bluesky",
    "copy": _l("Copie"),
    "email": _l("E-mail"),
    "native": _l("Partage du téléphone"),
    "qr": _l("QR code"),
    "mastodon": "Mastodon",
    "youtube": "YouTube",
    "tiktok": "TikTok",
    "instagram": "Instagram",
    "pinterest": "Pinterest",
    "direct": _l("Ancien lien"),
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

# What each verdict means, the tone of its part in the bar, and the picture that tells it apart without
# colour; the one that pays comes first.
_VERDICTS: Final[Mapping[str, tuple[object, str, str]]] = {
    "valid": (_l("Vraies visites : elles comptent"), "brand", "check"),
    "preview_bot": (_l("Aperçus de messageries, personne n’a cliqué"), "gold", "eye"),
    "duplicate": (_l("Même personne, dans l’heure"), "rest", "refresh-cw"),
    "self": (_l("Tes propres clics"), "rest", "user"),
    "prefetch": (_l("Pages préparées d’avance par un navigateur"), "rest", "clock"),
    "bot": (_l("Robots et moteurs de recherche"), "rest", "bot"),
    "fraud": (_l("Rafales anormales, mises de côté"), "bad", "triangle-alert"),
}


def channel_name(channel: str) -> str:
    return str(CHANNEL_NAMES[channel])


class VerdictLine(NamedTuple):
    """A part of ``ui.stacked_bar``: its sentence, count, tone and icon, and the verdict it explains."""

    sentence: str
    hits: int
    tone: str
    icon: str
    verdict: str


def explain(counts: Mapping[str, int]) -> list[VerdictLine]:
    """Return a line for each verdict that occurred; valid visits always have theirs."""
    return [
        VerdictLine(str(sentence), counts.get(verdict, 0), tone, icon, verdict)
        for verdict, (sentence, tone, icon) in _VERDICTS.items()
        if counts.get(verdict) or verdict == "valid"
    ]


def explain_hits(counts: Mapping[str, int]) -> str:
    """Return “412 visites : 180 aperçus de messageries, 31 doublons, 201 valides.”"""
    hits = sum(counts.values())
    if not hits:
        return str(_("Aucune visite."))
    of = {verdict: counts.get(verdict, 0) for verdict in Verdict}
    words = {
        Verdict.PREVIEW_BOT: _n(
            "%(num)s aperçu de messagerie", "%(num)s aperçus de messageries", of[Verdict.PREVIEW_BOT]
        ),
        Verdict.PREFETCH: _n(
            "%(num)s page préparée d’avance", "%(num)s pages préparées d’avance", of[Verdict.PREFETCH]
        ),
        Verdict.BOT: _n("%(num)s robot", "%(num)s robots", of[Verdict.BOT]),
        Verdict.SELF: _n("%(num)s clic à toi", "%(num)s clics à toi", of[Verdict.SELF]),
        Verdict.FRAUD: _n("%(num)s en rafale", "%(num)s en rafale", of[Verdict.FRAUD]),
        Verdict.DUPLICATE: _n("%(num)s doublon", "%(num)s doublons", of[Verdict.DUPLICATE]),
        Verdict.VALID: _n("%(num)s valide", "%(num)s valides", of[Verdict.VALID]),
    }
    parts = ", ".join(str(said) for verdict, said in words.items() if of[verdict])
    return str(_n("%(num)s visite : %(parts)s.", "%(num)s visites : %(parts)s.", hits, parts=parts))
