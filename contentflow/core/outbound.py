"""The only code that speaks HTTP to services of ours: kept connections, one deadline, size limits.

No redirect is followed, nor read, and no proxy is taken from the environment.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from contentflow.core.deadline import Deadline, connect, resolve

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

    ``timeout_seconds`` holds for all of it: name, connection, TLS, request, headers and body, however
    slowly they drip. Raises ``NotReached`` and ``NoAnswer``.
    """
    with Deadline(timeout_seconds) as deadline:
        _kept.deadline, _kept.is_connected = deadline, False
        try:
            answer = _post(url, payload, headers, timeout_seconds)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            missing = NoAnswer if _kept.is_connected else NotReached
            raise missing("TooSlow" if deadline.has_cut else type(error).__name__) from error
        finally:
            _kept.deadline = None
        if deadline.has_cut:  # What was cut off may look as if it had ended.
            raise NoAnswer("TooSlow")
        return answer


def _post(url: str, payload: Any, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
    session = _session()
    request = session.prepare_request(requests.Request("POST", url, dict(headers), json=payload))
    # Not by the session: it would read the whole body of a redirect, and look where it leads.
    with session.get_adapter(url).send(request, stream=True, timeout=timeout_seconds) as response:
        return Answer(response.status_code, response.headers, _body_of(response))


def _session() -> requests.Session:
    session: requests.Session | None = getattr(_kept, "session", None)
    if session is None:
        session = requests.Session()
        session.trust_env = False
        session.headers["User-Agent"] = "ContentFlow"
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(pool_connections=2, pool_maxsize=2, max_retries=0))
        _kept.session = session
    return session


def _body_of(response: requests.Response) -> bytes:
    body = b""
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise NoAnswer("too long")
    return body


class _Watched(HTTPConnection):
    """A connection that the deadline of the call that uses it can cut, also when it was kept."""

    def _new_conn(self) -> socket.socket:
        try:
            found = resolve(self._dns_host.strip("[]"), self.port or self.default_port, _kept.deadline)
        except (OSError, ValueError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        try:
            return connect(found, _kept.deadline)
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error

    def connect(self) -> None:
        super().connect()
        _kept.is_connected = True  # TLS included: from here on something may have been sent.

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            _kept.deadline.watch(self.sock)
            _kept.is_connected = True
        super().request(*args, **options)


class _WatchedTLS(HTTPSConnection, _Watched):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
