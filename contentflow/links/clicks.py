"""A hit on a link becomes a line of this process's journal, before the visitor is answered.

All that a redirect needs between requests hangs on ``ClickIntake``, one an application.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from flask import Flask, current_app
from sqlalchemy import make_url

from contentflow.config import Settings
from contentflow.core import clock
from contentflow.core.client_address import network_prefix, subscriber_of
from contentflow.links import visitor_keys
from contentflow.links.click_ids import key_of, new_click_id
from contentflow.links.journal import Journal
from contentflow.links.journal_lines import JournaledClick, to_line
from contentflow.links.link_cache import LinkCache
from contentflow.links.models import Link
from contentflow.links.sums import microseconds
from contentflow.links.targets import Target
from contentflow.links.verdicts import Verdict
from contentflow.links.visitor_keys import KeyRing
from contentflow.terminal_language import says

log = logging.getLogger(__name__)

FOLDER: Final = "journal"
# A log that lies on the full disk too would fill it again with a line a click.
SECONDS_BETWEEN_COMPLAINTS: Final = 10.0

DrawPreview = Callable[[Link], Any]  # What a view answers.


class Hit(NamedTuple):
    """What a request tells. ``verdict`` is None where the clicks before it decide.

    ``ip`` and ``agent`` are hashed and forgotten.
    """

    verdict: Verdict | None
    agent_class: str
    ip: str
    agent: str
    is_attributed: bool = True


@dataclass
class ClickIntake:
    """``id_keys`` are of every SECRET_KEY, the newest first: the click's id is made with it."""

    journal: Journal
    id_keys: list[bytes]
    links: LinkCache
    keys: KeyRing = field(default_factory=KeyRing)
    draw_preview: DrawPreview | None = None
    _complains_from: float = 0.0

    def record(self, target: Target, hit: Hit) -> str:
        """Write the click into the journal and return its id.

        A click that the disk refuses is counted, and the visitor is sent on all the same.
        """
        now = clock.now()
        click_id = new_click_id(target.code, self.id_keys[0], is_attributed=hit.is_attributed)
        visitor = earlier = ip = earlier_ip = block = ""
        if hit.verdict is None:
            keys = self.keys.cached(now)
            texts = f"{hit.ip}\n{hit.agent}", subscriber_of(hit.ip), network_prefix(hit.ip)
            (visitor, ip, block), (earlier, earlier_ip, _) = visitor_keys.hashes(keys, now, texts)
        click = JournaledClick(
            click_id,
            microseconds(now),
            hit.verdict or Verdict.VALID,
            hit.agent_class,
            hit.is_attributed,
            visitor,
            earlier,
            ip,
            earlier_ip,
            block,
        )
        try:
            self.journal.append(to_line(click))
        except OSError as error:
            self._complain(error)
        return click_id

    def _complain(self, error: OSError) -> None:
        now = time.monotonic()
        if now >= self._complains_from:
            self._complains_from = now + SECONDS_BETWEEN_COMPLAINTS
            log.error("clicks can be written nowhere, %s so far: %s", self.journal.lost, error.strerror)


def init_intake(app: Flask) -> None:
    chosen: Settings = app.config["CONTENTFLOW"]
    url = make_url(chosen.database_url)
    app.extensions["links"] = ClickIntake(
        Journal(chosen.data_dir / FOLDER),
        [key_of(key) for key in chosen.secret_key],
        LinkCache(url.database or "" if url.get_backend_name() == "sqlite" else ""),
    )


def intake(app: Flask | None = None) -> ClickIntake:
    found = (app or current_app).extensions["links"]
    assert isinstance(found, ClickIntake)
    return found


def check_clicks() -> str | None:
    """Readiness: None while the disk takes clicks, and took this process's newest."""
    journal = intake().journal
    if journal.is_losing:
        sentence = says(
            "%s clics n’ont pu être écrits nulle part : voyez la place et les droits de DATA_DIR."
        )
        return sentence % journal.lost
    complaint = journal.complaint()
    if complaint is None:
        return None
    return (
        says("Le journal des clics ne s’écrit pas (%s) : voyez la place et les droits de DATA_DIR.")
        % complaint
    )
