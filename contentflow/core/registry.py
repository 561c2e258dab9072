"""Where each capability hands in its part of health, doctor, metrics, export and erasure.

The parts live on the application, so two applications in one process do not share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from flask import Flask, current_app
from flask_babel.speaklater import LazyString
from sqlalchemy.sql.base import Executable

# Of a partner's id: what we hold, each noun as its model's ``to_dict`` represents it.
ExportPart = Callable[[str], Sequence[Mapping[str, Any]]]
ErasePart = Callable[[str], object]
# Of (partner's id, hash of their address): each item that it yields ends a transaction.
SweepPart = Callable[[str, str], Iterator[object]]
Check = Callable[[], str | None]
Backlog = Callable[[], tuple[int, float]]


class Gauge(NamedTuple):
    """A figure for ``/metrics``: ``values()`` maps each value of ``label`` to a number, and names nobody.

    ``name`` ends with its unit; it is asked every few seconds, so it reads few rows.
    """

    name: str
    meaning: str
    label: str
    values: Callable[[], Mapping[str, float]]


class RetentionRule(NamedTuple):
    """What stands in ``tables`` about people, in words, and how long, in words: a line of ``/legal``."""

    what: LazyString
    how_long: Callable[[], str]
    tables: tuple[str, ...]


class Remark(str):
    """What a check says of a part that is well and does less than it could: no fault, and no “ok” either."""


class Folder(NamedTuple):
    """A folder of DATA_DIR that a backup takes; ``grows``: its files are appended to, others never change."""

    name: str
    grows: bool = False


@dataclass
class Registry:
    """The parts that were handed in.

    ``exports`` maps a key of the export to a function of the partner's id. ``erasures`` are called with the
    partner's id inside one transaction, so they are short; ``sweeps`` erase the rest, a step a transaction.
    ``readiness`` and ``doctor`` map a name to a check that returns None when all is well, else a sentence
    that says how to mend it; ``Remark`` is of a part that nobody need mend. ``checked_hourly`` names those
    of ``doctor`` that ask somebody else or read a whole table: the worker's, no page's. ``retention`` says
    what is kept of people, and how long; ``gauges`` are figures for ``/metrics``, and ``backlogs`` those of
    its queues: how many rows are due, and for how many seconds the oldest is.

    A backup takes ``folders``, and the rows of every table but ``never_saved``. ``on_restore`` make the
    statements for a restored database, before anybody reads it; ``on_go_live`` maps a queue of
    ``core.quarantine`` to what settles that which the original may have done, and counts it: of the rows
    from before the first time, those that were due until the second.
    """

    exports: dict[str, ExportPart] = field(default_factory=dict)
    erasures: list[ErasePart] = field(default_factory=list)
    sweeps: list[SweepPart] = field(default_factory=list)
    readiness: dict[str, Check] = field(default_factory=dict)
    doctor: dict[str, Check] = field(default_factory=dict)
    checked_hourly: set[str] = field(default_factory=set)
    retention: list[RetentionRule] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    never_saved: list[str] = field(default_factory=list)
    on_restore: list[Callable[[], Executable]] = field(default_factory=list)
    on_go_live: dict[str, Callable[[datetime, datetime], int]] = field(default_factory=dict)
    gauges: list[Gauge] = field(default_factory=list)
    backlogs: dict[str, Backlog] = field(default_factory=dict)


def init_registry(app: Flask) -> None:
    app.extensions["registry"] = Registry()


def registry(app: Flask | None = None) -> Registry:
    found = (app or current_app).extensions["registry"]
    assert isinstance(found, Registry)
    return found


def export_of(partner_id: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    return {name: part(partner_id) for name, part in registry().exports.items()}
