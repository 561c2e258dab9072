"""What Prometheus reads: figures of the database, and what the processes of the site count.

prometheus-client keeps the counts of each process in a file of its own and adds them up when they are read,
so they are right however many processes answer; it writes the text format too. Nothing here names a person:
labels are names of queues, states, verdicts and routes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import SQLAlchemyError

from contentflow.core import clock, heartbeat, maintenance
from contentflow.core.db import db
from contentflow.core.jobs import JobMixin
from contentflow.core.registry import registry
from contentflow.serve import COUNTS_FOLDER

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

log = logging.getLogger(__name__)

PREFIX: Final = "contentflow_"
# Seconds; a page is fast below 0.1, and a visitor begins to wonder at 1.
BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# By prometheus-client's names of its files; more than all routes with all statuses fill.
RESERVED_BYTES: Final = {"histogram": 4 * 1024**2, "counter": 1024**2}


class Counts(NamedTuple):
    """What a process of the site counts since it began."""

    registry: CollectorRegistry
    requests: Any
    limits: Any
    postbacks: Any


@cache
def counts() -> Counts:
    folder = os.environ.get(COUNTS_FOLDER)
    if folder and hasattr(os, "posix_fallocate"):  # macOS has none.
        _reserve(Path(folder))
    # At the first use: no command pays for the import.
    from prometheus_client import CollectorRegistry, Counter, Histogram

    own = CollectorRegistry()
    return Counts(
        own,
        Histogram(
            f"{PREFIX}request_seconds",
            "How long requests took, by route and class of status",
            ["route", "status"],
            buckets=BUCKETS,
            registry=own,
        ),
        Counter(f"{PREFIX}limits_hit", "Requests answered 429, by route", ["route"], registry=own),
        Counter(f"{PREFIX}postbacks_refused", "Postbacks refused, by status", ["status"], registry=own),
    )


def _reserve(folder: Path) -> None:
    """Take the room of this process's counts on the disk; where there is none, it counts for itself.

    prometheus-client maps a file with holes: to write into one of them once the disk is full ends the
    process (SIGBUS).
    """
    for kind, size in RESERVED_BYTES.items():
        path = folder / f"{kind}_{os.getpid()}.db"
        try:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            log.warning("/metrics of this process is its own: %s", error.strerror)
            path.unlink(missing_ok=True)
            del os.environ[COUNTS_FOLDER]
            return


def exposition() -> bytes:
    """Return all figures in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    counted = counts().registry
    if os.environ.get(COUNTS_FOLDER):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    read = CollectorRegistry()
    read.register(_Gauges())
    return generate_latest(counted) + generate_latest(read)


class _Gauges:
    """The gauges of all capabilities, as prometheus-client wants to be told them."""

    def describe(self) -> list[Metric]:
        return []  # Asked when it is registered; without this the gauges would be read for it.

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        unread = 0
        for gauge in registry().gauges:
            family = GaugeMetricFamily(PREFIX + gauge.name, gauge.meaning, labels=[gauge.label])
            try:
                for name, value in gauge.values().items():
                    family.add_metric([name], value)
            except (SQLAlchemyError, OSError) as error:
                db.session.rollback()
                log.warning("the gauge %s was not read (%s)", gauge.name, type(error).__name__)
                unread += 1
            yield family
        yield GaugeMetricFamily(
            f"{PREFIX}gauges_unread", "Gauges that could not be read just now", value=unread
        )


def count_by_state(model: type[JobMixin], *which: ColumnElement[bool]) -> dict[str, float]:
    """Return how many rows of a table are in each state."""
    found = select(model.state, func.count()).where(*which).group_by(model.state)
    return {state: float(number) for state, number in db.session.execute(found)}


def queue_depths() -> dict[str, float]:
    return {queue: float(backlog()[0]) for queue, backlog in registry().backlogs.items()}


def queue_ages() -> dict[str, float]:
    return {queue: backlog()[1] for queue, backlog in registry().backlogs.items()}


def heartbeat_age() -> dict[str, float]:
    """Return how long ago the worker gave its sign of life, in seconds; nothing before the first."""
    seen = db.session.get(heartbeat.Heartbeat, heartbeat.WORKER)
    return {} if seen is None else {"worker": (clock.now() - seen.seen_at).total_seconds()}


def maintenance_ages() -> dict[str, float]:
    """Return how long ago each maintenance was last done, in seconds."""
    now = clock.now().timestamp()
    return {name: now - done_at for name, done_at in maintenance.last_runs().items()}
