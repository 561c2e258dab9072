"""Where short links lead: asked of the database once, and known to this process until any of them changes.

Every few seconds one question tells whether one did. While the database is away, what was known leads on.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select

from contentflow.core import clock
from contentflow.core.db import CLICKS, db, transaction
from contentflow.core.ids import is_id
from contentflow.links.channels import DIRECT
from contentflow.links.models import Link, LinkChange, LinkDay
from contentflow.links.short_transaction import REFUSALS, short_transaction
from contentflow.links.targets import COLUMNS, QuickLinks, SharedReader, Target, read_many, target_of

CODE: Final = re.compile(r"[0-9A-Za-z]{7}")
MAX_LINKS: Final = 150_000  # of 300 to 450 bytes each: up to 68 MB, where there are as many
MAX_CHANGES: Final = 1_000
# With the two seconds that asking may take: a link that is withdrawn leads nobody on after five.
FRESH_SECONDS: Final = 3.0
REST_SECONDS: Final = 3.0
# Links are read ahead so many at a time, for so long in a go, and after a change no more often than this.
AHEAD_AT_ONCE: Final = 500
AHEAD_SECONDS: Final = 0.5
AHEAD_PAUSE_SECONDS: Final = 0.01
AHEAD_EVERY_SECONDS: Final = 60.0
PATIENCE_MS: Final = 10_000
# A slash may end a link; what stands behind one is another address.
_WITH_TAIL = re.compile(
    r"(?P<name>[0-9A-Za-z]{22}|[0-9A-Za-z]{7})(?:[^0-9A-Za-z/][^/]*)?(?:/[^0-9A-Za-z]*)?", re.DOTALL
)
# Made once: to make one takes longer than to ask the database.
_OF_ASSET: Final = COLUMNS.where(Link.asset_id == bindparam("name"), Link.channel == DIRECT)
# A change that is committed late has a smaller id than the newest; all three together miss none.
_CHANGES: Final = select(func.count(), func.min(LinkChange.id), func.max(LinkChange.id))


class LinkCache:
    """The links that were asked for; ``is_away``: the database did not answer a moment ago.

    What was read in an earlier generation than this one may have changed since.
    """

    def __init__(self, sqlite_file: str = "") -> None:
        # The one asked for longest ago comes first. A plain dict looks for its first key past all removed.
        self._known: OrderedDict[str, Target] = OrderedDict()
        self._lock = threading.Lock()
        self._generation = 0
        self._changes: Sequence[Any] = ()
        self._fresh_until = self._away_until = 0.0
        self._quick = QuickLinks(sqlite_file)
        self._reader = SharedReader()
        # Codes still to be read in this generation, and whether somebody asks for them lately.
        self._ahead: list[tuple[list[str], bool]] = []
        self._ahead_generation = 0
        self._ahead_from = 0.0
        self._is_filled = False  # Once it was read to the end.

    @property
    def is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def fresh(self, name: str) -> Target | None:
        """Return what is known well enough not to ask."""
        try:
            target = self._known[name]
            self._known.move_to_end(name)
        except KeyError:  # Unknown, or another thread let go of it meanwhile.
            return None
        if target.generation != self._generation or time.monotonic() >= self._fresh_until:
            return None
        return target

    def find(self, name: str) -> Target | None:
        """Return the link of a code, or the direct one of an asset.

        With the database away a known link still leads on; for another one the database's error is raised.
        """
        if not CODE.fullmatch(name) and not is_id(name):
            return None
        if (target := self.fresh(name)) is not None:
            return target
        known = self._known.get(name)
        if known is not None and self.is_away:
            return known
        try:
            if time.monotonic() >= self._fresh_until:
                self._look_for_changes()
            generation = self._generation
            if known is not None and known.generation == generation:
                return known
            read = _of_asset if is_asset_id(name) else self._reader.read
            target = read(name, generation)
        except REFUSALS:
            self._away_until = time.monotonic() + REST_SECONDS
            if known is None:
                raise
            return known
        self._away_until = 0.0
        self._keep(name, target)
        return target

    def read_now(self, code: str) -> Target | None:
        """As ``fresh``; and what SQLite tells without any wait. For one thread alone."""
        target = self.fresh(code)
        if target is not None or time.monotonic() >= self._fresh_until:
            return target
        generation = self._generation
        target = self._quick.read(code, generation)
        if target is not None:
            self._keep(code, target)
        return target

    def read_ahead(self) -> None:
        """Ask for many links at once before their visitors do, in the background of a web process.

        All that were known when one of them changed; in a process that begins, those clicked since
        yesterday, and the others too where there is room for all. Returns soon, and goes on when called
        again. Raises ``REFUSALS``: what is left is read when somebody asks for it.
        """
        if not self._changes:
            self._look_for_changes()
        generation, now = self._generation, time.monotonic()
        if generation != self._ahead_generation and now >= self._ahead_from:
            self._ahead_from = now + AHEAD_EVERY_SECONDS
            # In this order each goes behind those that were asked for less lately.
            known = [name for name in list(self._known) if not is_asset_id(name)]
            clicked, others = ([], []) if self._is_filled else _likely(set(known))
            self._ahead = [(codes, True) for codes in _batches(clicked + known)]
            self._ahead += [(codes, False) for codes in _batches(others)]
            self._ahead_generation = generation
        until = time.monotonic() + AHEAD_SECONDS
        while self._ahead and self._generation == self._ahead_generation and time.monotonic() < until:
            codes, is_asked = self._ahead.pop(0)
            for target in read_many(codes, generation):
                self._keep(target.code, target, is_asked=is_asked)
            time.sleep(AHEAD_PAUSE_SECONDS)
        self._is_filled |= not self._ahead and self._generation == self._ahead_generation

    def _keep(self, name: str, target: Target | None, *, is_asked: bool = True) -> None:
        with self._lock:
            self._known.pop(name, None)
            if target is not None:
                key = target.code if target.code == name else name  # The one string serves twice.
                self._known[key] = target
                if not is_asked:
                    self._known.move_to_end(key, last=False)
            if len(self._known) > MAX_LINKS:
                self._known.popitem(last=False)

    def clear(self) -> None:
        """Ask the database for every link again."""
        with self._lock:
            self._generation += 1

    def _look_for_changes(self) -> None:
        self._fresh_until = time.monotonic() + FRESH_SECONDS  # One asks; the others need not wait for it.
        with short_transaction(writes=False) as connection:
            changes = connection.execute(_CHANGES).one()
        if changes != self._changes:
            self._changes = changes
            self.clear()


def forget_changes() -> int:
    """Maintenance: delete the changes that every process has seen long since; return how many."""
    with transaction():
        newest = db.session.scalar(select(func.max(LinkChange.id))) or 0
        old = delete(LinkChange).where(LinkChange.id <= newest - MAX_CHANGES)
        return int(db.session.execute(old).rowcount)  # type: ignore[attr-defined]


def _likely(but: set[str]) -> tuple[list[str], list[str]]:
    """Return the codes clicked since yesterday, the most clicked last, as many as are kept.

    Where all links are as few, the second list is of the others.
    """
    since = clock.today() - timedelta(days=1)
    clicked = select(Link.code).join(LinkDay, LinkDay.link_id == Link.id).where(LinkDay.day >= since)
    most = clicked.group_by(Link.code).order_by(func.sum(LinkDay.clicks).desc()).limit(MAX_LINKS)
    with db.engines[CLICKS].connect() as connection:
        connection.execution_options(timeout_ms=PATIENCE_MS)
        codes = [code for code in connection.scalars(most) if code not in but][::-1]
        all_codes = list(connection.scalars(select(Link.code).limit(MAX_LINKS + 1)))
    if len(all_codes) > MAX_LINKS:
        return codes, []
    seen = but.union(codes)
    return codes, [code for code in all_codes if code not in seen]


def _batches(codes: list[str]) -> list[list[str]]:
    return [codes[at : at + AHEAD_AT_ONCE] for at in range(0, len(codes), AHEAD_AT_ONCE)]


def without_tail(name: str) -> str:
    """Return a code or id without what chats and mail programs glue to a link; other text as it is.

    A full stop, a bracket, a quote, the ``*`` and ``_`` of bold and italics, blanks and marks nobody sees,
    ``&utm_source=x``, the next word behind any of them: whatever a code cannot hold ends it.
    """
    found = _WITH_TAIL.fullmatch(name)
    return found["name"] if found else name


def is_asset_id(name: str) -> bool:
    """Tell the old neutral form ``/l/<asset_id>`` from a code."""
    return is_id(name)


def _of_asset(asset_id: str, generation: int) -> Target | None:
    with short_transaction(writes=False) as connection:
        row = connection.execute(_OF_ASSET, {"name": asset_id}).first()
    return None if row is None else target_of(row, generation)
