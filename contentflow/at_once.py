"""A short link is answered in the web worker's own loop: neither a thread nor the server's parser sees it.

Those two are most of what such an answer costs. Only a request is taken that leaves no doubt: a GET of a
short link in one piece, its fields in plain ASCII, none of them twice and none that speaks of a body or of
another protocol. Whatever else comes, and whatever the application must ask the database for, goes the
server's way, whose answer is the same byte for byte.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from gunicorn.util import http_date
from werkzeug.middleware.proxy_fix import ProxyFix

log = logging.getLogger(__name__)

BEGINNING: Final = b"GET /l/"
LONGEST: Final = 4_000  # Less than gunicorn allows to a line or a field.

Headers = list[tuple[str, str]]
# What answers an environment of WSGI with the headers of a 302, or with None: “ask me the usual way”.
Redirecting = Callable[[dict[str, Any]], Headers | None]

_HEAD = re.compile(
    r"GET (?P<path>/l/[0-9A-Za-z]+)(?:\?[!-~]*)? HTTP/1\.1\r\n"
    r"(?P<fields>(?:[0-9A-Za-z-]+:[\t -~]*\r\n){1,50})\r\n"
)
_ANSWER: Final = "HTTP/1.1 302 FOUND\r\nServer: gunicorn\r\nDate: {}\r\nConnection: keep-alive\r\n"
_DOUBTFUL: Final = frozenset(
    f"HTTP_{name}"
    for name in ("CONTENT_LENGTH", "CONTENT_TYPE", "TRANSFER_ENCODING", "EXPECT", "UPGRADE", "TRAILER")
)


class AtOnce:
    """``redirecting`` of one application, and the time of day in the words of HTTP."""

    def __init__(self, redirecting: Redirecting) -> None:
        self._redirecting = redirecting
        self._beginning = ""
        self._second = 0

    def answer(self, request: bytes, client: Any) -> bytes | None:
        """Return a whole answer to a whole request, None where the server must look at it."""
        environ = read(request)
        if environ is None:
            return None
        environ["REMOTE_ADDR"] = client if isinstance(client, str) else client[0]
        try:
            headers = self._redirecting(environ)
        except Exception:  # The loop must outlive whatever nobody foresaw; a thread answers 500.
            log.exception("a short link could not be answered at once")
            return None
        if headers is None:
            return None
        now = int(time.time())
        if now != self._second:
            self._beginning, self._second = _ANSWER.format(http_date(now)), now
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        return f"{self._beginning}{lines}\r\n".encode("latin-1")


def at_once(app: Any) -> AtOnce | None:
    """Return the short way into a loaded application; None where it has none.

    Nor has it where somebody wrapped it: a trace, say, wants to see each request.
    """
    outer = getattr(app, "wsgi_app", None)
    inner = outer.app if isinstance(outer, ProxyFix) else outer
    redirecting = getattr(inner, "at_once", None)
    return None if redirecting is None or os.environ.get("SCRIPT_NAME") else AtOnce(redirecting)


def read(request: bytes) -> dict[str, Any] | None:
    """Return what a redirect needs of WSGI's environment; None for a request that leaves a doubt."""
    if len(request) > LONGEST or not request.isascii():
        return None
    found = _HEAD.fullmatch(request.decode("ascii"))
    if found is None:
        return None
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": found["path"]}
    for line in found["fields"].split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        variable = _variable(name)
        if variable in environ:
            return None
        environ[variable] = value.strip(" \t")
    if not _DOUBTFUL.isdisjoint(environ) or environ.get("HTTP_CONNECTION", "keep-alive") != "keep-alive":
        return None
    return environ


@lru_cache(256)
def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")
