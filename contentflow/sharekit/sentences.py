"""What a click's verdict and a channel's name say to a partner: the only place of these words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from flask_babel import lazy_gettext as _l

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
    "direct": _l("Ancien lien"),
}

# The texts one can look at in the kit: “copy” is the one for everywhere else.
TEXT_TABS: Final = ("copy", "whatsapp", "telegram", "x", "linkedin", "facebook", "threads", "bluesky")

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


class VerdictLine(NamedTuple):
    """A part of ``ui.stacked_bar``: its sentence, count, tone and icon, and the verdict it explains."""

    sentence: str
    hits: int
    tone: str
    icon: str
    verdict: str


def channel_name(channel: str) -> str:
    return str(CHANNEL_NAMES[channel])


def explain(counts: Mapping[str, int]) -> list[VerdictLine]:
    """Return a line for each verdict that occurred; valid visits always have theirs."""
    return [
        VerdictLine(str(sentence), counts.get(verdict, 0), tone, icon, verdict)
        for verdict, (sentence, tone, icon) in _VERDICTS.items()
        if counts.get(verdict) or verdict == "valid"
    ]
