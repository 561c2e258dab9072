"""Who runs the programme: the law on the digital economy (LCEN, art. 1-1) asks each site to say it.

https://www.legifrance.gouv.fr/loda/id/JORFTEXT000000801164
"""

from __future__ import annotations

from typing import NamedTuple

from contentflow.config import settings
from contentflow.core.registry import Remark
from contentflow.terminal_language import says


class Identity(NamedTuple):
    """As the settings PROGRAMME_* give it; empty where they say nothing, but for ``name``."""

    name: str
    publisher: str
    address: str
    host: str
    contact: str
    privacy_url: str

    @property
    def line(self) -> str:
        """Who writes, in one line for the foot of a mail."""
        return ", ".join(filter(None, (self.name, self.publisher, self.address)))


def identity() -> Identity:
    chosen = settings()
    return Identity(
        chosen.programme,
        chosen.programme_publisher,
        chosen.programme_address,
        chosen.programme_host,
        chosen.programme_contact or chosen.email_from,
        chosen.programme_privacy_url,
    )


def check_identity() -> str | None:
    """Doctor: None when the legal page can say who runs the programme; development need not."""
    chosen = settings()
    names = ("name", "publisher", "address", "host", "contact")
    missing = [f"PROGRAMME_{name.upper()}" for name in names if not getattr(chosen, f"programme_{name}")]
    if not missing or chosen.env != "production":
        return None
    sentence = says("La page /legal ne dit pas qui édite ce programme, comme la loi le demande : donnez %s.")
    named = ", ".join(missing)
    return Remark(sentence % named)
