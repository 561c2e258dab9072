"""What the processes write down: lines for people, or with LOG_FORMAT=json an object a line for programs.

Each line names the request or the task that it belongs to, under the id that an error page shows. It holds no
address, token or key: whoever logs writes ids, and the text of a database's error comes without its values.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

LINE: Final = "%(asctime)s %(name)s %(message)s"
# Those that have a handler of their own.
NAMED: Final = ("gunicorn.error",)

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039 (never changed)


class Lines(logging.Formatter):
    """For people: time, who says it, what; what it belongs to stands behind."""

    def format(self, record: logging.LogRecord) -> str:
        line, *rest = super().format(record).split("\n", 1)
        belongs = "".join(f" {name}={value}" for name, value in _context.get().items())
        return "\n".join([line + belongs, *rest])


class JsonLines(logging.Formatter):
    """``at`` (UTC), ``level``, ``logger``, ``message``, and what there is of ``request_id``, ``task``,
    ``row_id`` and ``error``, which holds the trace."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def set_format(name: str) -> None:
    """Let all that this process logs be ``text`` or ``json``; again: in place of what was set before."""
    formatter = JsonLines() if name == "json" else Lines(LINE)
    root = logging.getLogger()
    if not root.handlers:  # Under gunicorn nobody else gives one.
        to_stderr = logging.StreamHandler(sys.stderr)
        to_stderr.setLevel(logging.WARNING)
        root.addHandler(to_stderr)
    for logger in (root, *(logging.getLogger(each) for each in NAMED)):
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:  # Not one that a test or an operator put there.
                handler.setFormatter(formatter)


def belong_to(**names: str) -> None:
    """From now on the lines of this thread belong to that, such as ``request_id=…``, and to nothing else."""
    _context.set(names)


@contextmanager
def belonging_to(**names: str) -> Iterator[None]:
    token = _context.set(names)
    try:
        yield
    finally:
        _context.reset(token)
