"""Where each capability hands in its part of health, doctor, export and erasure.

The parts live on the application, so two applications in one process do not share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app
from flask_babel.speaklater import LazyString

ExportPart = Callable[[str], list[dict[str, Any]]]
ErasePart = Callable[[str], object]
# Of (partner's id, hash of their address): each item that it yields ends a transaction.
SweepPart = Callable[[str, str], Iterator[object]]
Check = Callable[[], str | None]


@dataclass(frozen=True)
class Kept:
    """What stands in ``tables`` about people, in words, and how long, in words: a line of ``/legal``."""

    what: LazyString
    how_long: Callable[[], str]
    tables: tuple[str, ...]


class Remark(str):
    """What a check says of a part that is well and does less than it could: no fault, and no “ok” either."""


@dataclass
class Registry:
    """The parts that were handed in.

    ``exports`` maps a key of the export to a function of the partner's id. ``erasures`` are called with the
    partner's id inside one transaction, so they are short; ``sweeps`` erase the rest, a step a transaction.
    ``readiness`` and ``doctor`` map a name to a check that returns None when all is well, else a sentence
    that says how to mend it; ``Remark`` is of a part that nobody need mend. ``kept`` says what is kept of
    people, and how long.
    """

    exports: dict[str, ExportPart] = field(default_factory=dict)
    erasures: list[ErasePart] = field(default_factory=list)
    sweeps: list[SweepPart] = field(default_factory=list)
    readiness: dict[str, Check] = field(default_factory=dict)
    doctor: dict[str, Check] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)


def init_registry(app: Flask) -> None:
    app.extensions["registry"] = Registry()


def registry(app: Flask | None = None) -> Registry:
    found = (app or current_app).extensions["registry"]
    assert isinstance(found, Registry)
    return found


def export_of(partner_id: str) -> Mapping[str, list[dict[str, Any]]]:
    return {name: part(partner_id) for name, part in registry().exports.items()}
