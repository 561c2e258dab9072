"""How every act of a platform ends; what a driver returns and the worker writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["done", "wait", "later", "refused", "reauth", "indeterminate", "hand"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``done``: it is there, with ``remote_id``. ``wait``: accepted, ask again. ``later``: nothing happened.
    ``refused``: certainly not there. ``reauth``: the account must be connected again. ``indeterminate``: it
    may be there, look first. ``hand``: the partner's turn.

    ``is_clear``: of a ``reauth``, that nothing can be there.
    ``seconds`` is how long to wait where the platform said so; ``step`` and ``percent`` are what is shown.
    """

    kind: Kind
    reason: str = ""
    remote_id: str = ""
    remote_url: str = ""
    seconds: float | None = None
    step: str = ""
    percent: int = 0
    is_clear: bool = False


def done(remote_id: str, remote_url: str) -> Outcome:
    return Outcome(kind="done", remote_id=remote_id, remote_url=remote_url, percent=100)


def wait(seconds: float, step: str, percent: int = 50) -> Outcome:
    return Outcome(kind="wait", seconds=seconds, step=step, percent=percent)


def later(reason: str, seconds: float | None = None) -> Outcome:
    return Outcome(kind="later", reason=reason, seconds=seconds)


def refused(reason: str) -> Outcome:
    return Outcome(kind="refused", reason=reason)


def reauth(reason: str, *, is_clear: bool = False) -> Outcome:
    return Outcome(kind="reauth", reason=reason, is_clear=is_clear)


def indeterminate(reason: str, seconds: float | None = None) -> Outcome:
    return Outcome(kind="indeterminate", reason=reason, seconds=seconds, step="look")


def hand(reason: str) -> Outcome:
    return Outcome(kind="hand", reason=reason)
