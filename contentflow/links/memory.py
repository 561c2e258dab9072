"""What a web process remembers, so that a click needs no database that is away.

Link rows, the visitor keys of today and of the hour after it, and the clicks that nothing took.
Nothing in here outlives the process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from flask import Flask, current_app
from flask.typing import ResponseReturnValue

from contentflow.links.models import Link
from contentflow.tongue import says

MOST_TARGETS = 10_000

Card = Callable[[Link], ResponseReturnValue]


@dataclass(frozen=True)
class Target:
    """All that a redirect needs of a link; ``is_remembered``: the database was away when it was asked."""

    id: str
    code: str
    partner_id: str
    submission_id: str
    channel: str
    destination: str
    is_disabled: bool
    is_remembered: bool = False


@dataclass
class Memory:
    """``is_losing`` holds from a click that nothing took until the next one that is written."""

    keys: dict[date, bytes] = field(default_factory=dict)
    lost: int = 0
    is_losing: bool = False
    card: Card | None = None
    _targets: OrderedDict[str, Target] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, name: str, target: Target | None) -> None:
        """Keep the newest answer for a code or asset id; None forgets it."""
        with self._lock:
            self._targets.pop(name, None)
            if target is not None:
                self._targets[name] = target
            if len(self._targets) > MOST_TARGETS:
                self._targets.popitem(last=False)

    def recall(self, name: str) -> Target | None:
        with self._lock:
            return self._targets.get(name)

    def note_written(self) -> None:
        self.is_losing = False

    def note_lost(self) -> None:
        with self._lock:
            self.lost += 1
            self.is_losing = True


def init_memory(app: Flask) -> None:
    app.extensions["links"] = Memory()


def memory(app: Flask | None = None) -> Memory:
    found = (app or current_app).extensions["links"]
    assert isinstance(found, Memory)
    return found


def check_clicks() -> str | None:
    """Readiness: None unless the newest click of this process could be written nowhere."""
    if not memory().is_losing:
        return None
    sentence = says("%s clics n’ont pu être écrits nulle part : voyez la base et la place dans DATA_DIR.")
    return sentence % memory().lost
