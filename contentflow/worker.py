"""The worker: its lanes in threads of one process, a sweep a second, a heartbeat.

A render runs in its own process group and its own lane, so it never delays a login mail; nor does a slow
site delay the render of a video that is here.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from flask import Flask
from huey.consumer import Consumer

from contentflow.core import heartbeat
from contentflow.core.db import db, transaction
from contentflow.core.work import LANES, Lane, bells
from contentflow.serve import hold_lifeline

log = logging.getLogger(__name__)

THREADS: dict[Lane, int] = {"mail": 4, "fetch": 4, "video": 1}
SWEEP_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
CHORES_SECONDS = 3_600.0
STOP_SECONDS = 6.0
SAID_AGAIN_SECONDS = 60.0


class LaneConsumer(Consumer):
    """Huey's consumer as threads of ours: the signals are the process's, not the lane's."""

    def _set_signal_handlers(self) -> None:
        pass


class OnceAMinute(logging.Filter):
    """Lets a complaint through once a minute: a database or Redis that is away must not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        now, text = time.monotonic(), record.getMessage()
        self._said = {known: at for known, at in self._said.items() if now - at < SAID_AGAIN_SECONDS}
        if text in self._said:
            return False
        self._said[text] = now
        return True


def run(app: Flask) -> None:
    """Work until SIGTERM or SIGINT; then end what is in hand, within 6 seconds, or give it back."""
    hold_lifeline()
    for handler in logging.getLogger().handlers:
        handler.addFilter(OnceAMinute())
    stop = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with app.app_context():
        bells().lend_hands(THREADS)
    hands = Hands()
    _sweep_until(app, stop, hands)
    consumers = hands.consumers.values()
    for consumer in consumers:
        consumer.stop_flag.set()
    with app.app_context():
        for give_back in bells().stop():
            _survive(give_back)
    until = time.monotonic() + STOP_SECONDS
    for consumer in consumers:
        for _, thread in consumer.worker_threads:
            thread.join(max(0.0, until - time.monotonic()))


class Hands:
    """The consumers of the lanes; one whose bells are away is tried again, and sweeps work meanwhile."""

    def __init__(self) -> None:
        self.consumers: dict[Lane, LaneConsumer] = {}

    def tend(self) -> None:
        for lane in LANES:
            if lane in self.consumers and bells().mend(lane):
                self.consumers.pop(lane).stop_flag.set()
            if lane not in self.consumers:
                _survive(lambda lane=lane: self._start(lane))  # type: ignore[misc]

    def _start(self, lane: Lane) -> None:
        self.consumers[lane] = _start(lane)


def _start(lane: Lane) -> LaneConsumer:
    consumer = LaneConsumer(
        bells().lane(lane),
        workers=THREADS[lane],
        periodic=False,
        initial_delay=0.05,
        max_delay=0.5,
        backoff=1.3,
        check_worker_health=True,
    )
    consumer.start()
    return consumer


def _sweep_until(app: Flask, stop: threading.Event, hands: Hands) -> None:
    next_beat = next_chores = 0.0
    steadiness = heartbeat.Steadiness()
    while not stop.is_set():
        now = time.monotonic()
        with app.app_context():
            if now >= next_beat:
                hands.tend()
                _survive(_beat)
                next_beat = now + HEARTBEAT_SECONDS
            for sweep in bells().sweeps:
                _survive(sweep)
            if now >= next_chores:
                _survive(lambda: _do_chores(steadiness))
                next_chores = now + CHORES_SECONDS
        stop.wait(SWEEP_SECONDS)


def _do_chores(steadiness: heartbeat.Steadiness) -> None:
    with transaction():
        is_steady = steadiness.look()
    if not is_steady:
        log.warning("the clock leapt: what is old is deleted in an hour, if it goes on from here")
        return
    for chore in bells().chores:
        _survive(chore)


def _beat() -> None:
    with transaction():
        heartbeat.beat("worker")


def _survive(act: Callable[[], object]) -> None:
    """The sweep goes on whatever a database that is away may raise."""
    try:
        act()
    except Exception:
        db.session.rollback()
        log.exception("sweep failed")
