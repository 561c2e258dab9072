"""A network's token stands in a path; it is taken out of it before anything can write the path down.

Access logs, traces, error pages and views all read the request that is left: ``/postback/NAME/-``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKEN: Final = "contentflow.token"  # where a view finds it in the environment
HIDDEN: Final = "-"
_PATH = re.compile(r"(/+postback/+[^/]+)/+(.+)", re.DOTALL)


class Application(Flask):
    """Flask, with the token out of the path even where an instrumentation wraps ``wsgi_app``."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        hide_token(environ)
        return super().__call__(environ, start_response)


def without_token(written: str) -> str:
    """Return a line of a log, such as one about a malformed request, without a network's token."""
    return re.sub(r"(/+postback/+[^/\s?]+/+)[^\s?\"']+", rf"\1{HIDDEN}", written)


def hide_token(environ: dict[str, Any]) -> None:
    """Move the token of a request to ``environ[TOKEN]``, in place: the server logs this very mapping."""
    if "/postback/" in environ.get("HTTP_REFERER", ""):
        del environ["HTTP_REFERER"]
    found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    if found is None or environ.get("SCRIPT_NAME"):
        return
    environ[TOKEN] = found[2]
    environ["PATH_INFO"] = f"{found[1]}/{HIDDEN}"
    written = quote(environ["PATH_INFO"], safe="/", encoding="latin-1")
    if query := environ.get("QUERY_STRING"):
        written += f"?{query}"
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in environ:
            environ[name] = written
