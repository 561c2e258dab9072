"""The only code that speaks HTTP to others: kept connections, timeouts, size limits.

No redirect is followed and no proxy is taken from the environment.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

ANSWER_BYTES = 64 * 1024
_CHUNK = 8 * 1024

_kept = threading.local()


class NotReached(Exception):
    """No connection came about: nothing was sent."""


class NoAnswer(Exception):
    """It was sent, or may have been; no whole answer came back in time."""


@dataclass(frozen=True)
class Answer:
    """``headers`` have any case; ``body`` is whole, at most 64 kB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's value, or None where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def post_json(url: str, payload: Any, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
    """POST ``payload`` as JSON over this thread's kept connection.

    ``timeout_seconds`` holds for the connection, for the first byte and for the whole body, one by
    one. Raises ``NotReached`` and ``NoAnswer``.
    """
    try:
        with _session().post(
            url,
            json=payload,
            headers=dict(headers),
            timeout=timeout_seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _body_of(response, time.monotonic() + timeout_seconds)
            return Answer(response.status_code, response.headers, body)
    except requests.ConnectTimeout as error:
        raise NotReached(type(error).__name__) from error
    except (requests.RequestException, HTTPError, OSError) as error:
        if _is_unconnected(error):
            raise NotReached(type(error).__name__) from error
        raise NoAnswer(type(error).__name__) from error


def _session() -> requests.Session:
    session: requests.Session | None = getattr(_kept, "session", None)
    if session is None:
        session = requests.Session()
        session.trust_env = False
        session.headers["User-Agent"] = "ContentFlow"
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=2, pool_maxsize=2, max_retries=0))
        _kept.session = session
    return session


def _body_of(response: requests.Response, deadline: float) -> bytes:
    body = b""
    # What has come so far, at each step: waiting for whole chunks would let a drip go on for ever.
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > ANSWER_BYTES or time.monotonic() > deadline:
            raise NoAnswer("too long")
    return body


def _is_unconnected(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
