"""What a click's verdict and a channel's name say to a partner: the only place of these words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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

# What each verdict means, and the tone of its part in the bar; the one that pays comes first.
_VERDICTS: Final[Mapping[str, tuple[object, str]]] = {
    "valid": (_l("Vraies visites : elles comptent"), "brand"),
    "preview_bot": (_l("Aperçus de messageries, personne n’a cliqué"), "gold"),
    "duplicate": (_l("Même personne, dans l’heure"), "rest"),
    "self": (_l("Tes propres clics"), "rest"),
    "prefetch": (_l("Pages préparées d’avance par un navigateur"), "rest"),
    "bot": (_l("Robots et moteurs de recherche"), "rest"),
    "fraud": (_l("Rafales anormales, mises de côté"), "bad"),
}


@dataclass(frozen=True)
class VerdictLine:
    verdict: str
    sentence: str
    count: int
    tone: str


def channel_name(channel: str) -> str:
    return str(CHANNEL_NAMES[channel])


def explain(counts: Mapping[str, int]) -> list[VerdictLine]:
    """Return a line for each verdict that occurred; valid visits always have theirs."""
    return [
        VerdictLine(verdict, str(sentence), counts.get(verdict, 0), tone)
        for verdict, (sentence, tone) in _VERDICTS.items()
        if counts.get(verdict) or verdict == "valid"
    ]
