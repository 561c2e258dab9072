"""Which row to look at now: task and id go through a queue (Huey) once the transaction is committed.

A message holds nothing that matters. Each capability's sweep enqueues again whatever is due, so a lost
message, worker or Redis loses nothing. While no message can be enqueued the worker runs inline what its
sweeps find.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, current_app

from contentflow.config import settings
from contentflow.core import queues
from contentflow.core.db import after_commit
from contentflow.core.jobs import claims_in_hand
from contentflow.core.logs import belonging_to
from contentflow.core.queues import THREADS, Queue
from contentflow.core.tracing import span
from contentflow.terminal_language import says

if TYPE_CHECKING:
    from huey import Huey
    from huey.api import TaskWrapper

log = logging.getLogger(__name__)

UNAVAILABLE_SECONDS = 5.0
Task = Callable[[str], object]
Run = Callable[[str, str], None]


class BrokerUnavailable(Exception):
    """Redis or its like did not answer a moment ago; asking each time would hold up whoever enqueues."""


class Broker:
    """The tasks that a message may name, and one Huey a queue to carry it."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._opened: dict[Queue, tuple[Huey, TaskWrapper]] = {}
        self._inodes: dict[Queue, int] = {}
        self._unavailable_until = 0.0
        self.tasks: dict[str, tuple[Queue, Task]] = {}
        self.inline = InlineRunner(self.run)

    def queue(self, name: Queue) -> Huey:
        return self._open(name)[0]

    def enqueue(self, task: str, row_id: str) -> None:
        """Raises ``BrokerUnavailable``, or whatever Huey's storage raises."""
        if time.monotonic() < self._unavailable_until:
            raise BrokerUnavailable
        queue = self.queue_of(task)
        try:
            self._open(queue)[1](task, row_id)
        except Exception:
            self._unavailable_until = time.monotonic() + UNAVAILABLE_SECONDS
            self.replace_broken(queue)
            raise

    def queue_of(self, task: str) -> Queue:
        return self.tasks[task][0]

    def depth(self, queue: Queue) -> int:
        """Return how many messages of a queue nobody has taken yet."""
        try:
            return int(self.queue(queue).pending_count())
        except Exception:
            return sum(self.queue_of(task) == queue for task, _ in self.inline.under_way())

    def replace_broken(self, queue: Queue) -> bool:
        """Let go of a queue whose file is broken or was replaced; True when it did."""
        chosen = self._app.config["CONTENTFLOW"]
        if chosen.huey_url or queue not in self._opened:
            return False
        path = queues.queue_file(queue, chosen)
        if not queues.is_broken(path) and _inode(path) == self._inodes.get(queue):
            return False
        with suppress(Exception):  # It is broken: nobody knows what closing it says.
            self._opened.pop(queue)[0].storage.close()
        return True

    def _open(self, queue: Queue) -> tuple[Huey, TaskWrapper]:
        # Opened at the first use: a Redis that is away must not stop the web from starting.
        if queue not in self._opened:
            chosen = self._app.config["CONTENTFLOW"]
            huey = queues.open_queue(queue, chosen)
            self._opened[queue] = huey, huey.task(name="run_task")(self.run)
            self._inodes[queue] = _inode(queues.queue_file(queue, chosen))
        return self._opened[queue]

    def run(self, task: str, row_id: str) -> None:
        """The worker's edge: the one place that survives whatever a task did not foresee."""
        if claims_in_hand(self._app).is_stopping:
            return  # The next worker's sweep finds the row.
        with self._app.app_context(), belonging_to(task=task, row_id=row_id), span(task, row_id=row_id):
            try:
                self.tasks[task][1](row_id)
            except Exception:
                log.exception("task %s of row %s failed", task, row_id)


class InlineRunner:
    """Threads of this process that run tasks themselves while no message can be enqueued."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pools: dict[Queue, ThreadPoolExecutor] = {}
        self._under_way: set[tuple[str, str]] = set()

    def start(self, threads: Mapping[Queue, int]) -> None:
        self._pools = {queue: ThreadPoolExecutor(number) for queue, number in threads.items()}

    def run_inline(self, queue: Queue, task: str, row_id: str) -> bool:
        """Run a task in a thread, unless it is under way; False in a process that started none."""
        if not self._pools:
            return False
        if (task, row_id) not in self._under_way:
            self._under_way.add((task, row_id))
            self._pools[queue].submit(self._run_once, task, row_id)
        return True

    def under_way(self) -> list[tuple[str, str]]:
        return list(self._under_way)

    def _run_once(self, task: str, row_id: str) -> None:
        try:
            self._run(task, row_id)
        finally:
            self._under_way.discard((task, row_id))


def _inode(path: Path) -> int:
    """Return the number of a file, 0 where it is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def init_broker(app: Flask) -> None:
    app.extensions["broker"] = Broker(app)


def broker(app: Flask | None = None) -> Broker:
    found = (app or current_app).extensions["broker"]
    assert isinstance(found, Broker)
    return found


def register_task(app: Flask, name: str, queue: Queue, task: Task) -> None:
    """Let ``enqueue(name, id)`` call ``task(id)`` in the worker; a task opens its own transactions."""
    broker(app).tasks[name] = (queue, task)


def enqueue(task: str, row_id: str) -> None:
    """Enqueue a row's task once the open transaction is committed."""
    after_commit(lambda: enqueue_now(task, row_id))


def enqueue_now(task: str, row_id: str) -> None:
    """Enqueue at once. Where that fails the worker runs the task itself; others leave it to a sweep."""
    try:
        broker().enqueue(task, row_id)
    except Exception as error:
        if not broker().inline.run_inline(broker().queue_of(task), task, row_id):
            log.warning("%s was not enqueued (%s); the sweep will find the row", task, type(error).__name__)


def check_broker() -> str | None:
    """Doctor: None when every queue answers. Huey has no error of its own: each storage raises another."""
    try:
        for queue in THREADS:
            broker().queue(queue).pending_count()
    except Exception as error:
        sentence = says("Les files d’attente ne répondent pas (%s), et tout est plus lent : voyez HUEY_URL.")
        return sentence % type(error).__name__
    set_aside = queues.count_set_aside(settings())
    if set_aside:
        sentence = says(
            "%(count)s fichiers de files d’attente abîmés sont mis de côté, rien n’est perdu : voyez le "
            "disque, supprimez %(where)s."
        )
        return sentence % {"count": set_aside, "where": settings().data_dir / queues.SET_ASIDE}
    return None
