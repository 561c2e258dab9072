"""The worker: its queues in threads of one process, a sweep a second, a heartbeat.

A render runs in its own process group and its own queue, so it never delays a login mail; nor does a slow
site delay the render of a video that is here.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType

from flask import Flask
from huey.consumer import Consumer

from contentflow.core import heartbeat
from contentflow.core.broker import broker
from contentflow.core.db import transaction
from contentflow.core.jobs import claims_in_hand
from contentflow.core.maintenance import maintenance, survive
from contentflow.core.queues import THREADS, Queue
from contentflow.links.folding import Folding
from contentflow.serve import die_with_parent

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
MAINTENANCE_SECONDS = 3_600.0
STOP_SECONDS = 6.0
SAID_AGAIN_SECONDS = 60.0


class QueueConsumer(Consumer):
    """Huey's consumer as threads of ours: the signals are the process's, not the queue's."""

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
    """Work until SIGTERM or SIGINT; then end what is in hand, within 6 seconds, or release it."""
    die_with_parent()
    for handler in logging.getLogger().handlers:
        handler.addFilter(OnceAMinute())
    stop = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    folding = Folding(app)
    folding.start()
    with app.app_context():
        broker().inline.start(THREADS)
    consumers = Consumers()
    _sweep_until(app, stop, consumers)
    folding.stop()
    running = consumers.running.values()
    for consumer in running:
        consumer.stop_flag.set()
    with app.app_context():
        for release in claims_in_hand().stop():
            survive("release", release)
    until = time.monotonic() + STOP_SECONDS
    for consumer in running:
        for _, thread in consumer.worker_threads:
            thread.join(max(0.0, until - time.monotonic()))


class Consumers:
    """A consumer a queue; one whose broker is away is tried again, and sweeps work meanwhile."""

    def __init__(self) -> None:
        self.running: dict[Queue, QueueConsumer] = {}

    def keep_running(self) -> None:
        for queue in THREADS:
            if queue in self.running and broker().replace_broken(queue):
                self.running.pop(queue).stop_flag.set()
            if queue not in self.running:
                survive(f"queue {queue}", lambda queue=queue: self._start(queue))  # type: ignore[misc]

    def _start(self, queue: Queue) -> None:
        consumer = QueueConsumer(
            broker().queue(queue),
            workers=THREADS[queue],
            periodic=False,
            initial_delay=0.05,
            max_delay=0.5,
            backoff=1.3,
            check_worker_health=True,
        )
        consumer.start()
        self.running[queue] = consumer


def _sweep_until(app: Flask, stop: threading.Event, consumers: Consumers) -> None:
    next_beat = next_maintenance = 0.0
    while not stop.is_set():
        now = time.monotonic()
        with app.app_context():
            if now >= next_beat:
                consumers.keep_running()
                survive("heartbeat", _beat)
                next_beat = now + HEARTBEAT_SECONDS
            maintenance().sweep()
            if now >= next_maintenance:
                survive("maintenance", maintenance().run_hourly)
                next_maintenance = now + MAINTENANCE_SECONDS
        stop.wait(SWEEP_SECONDS)


def _beat() -> None:
    with transaction():
        heartbeat.beat(heartbeat.WORKER)
