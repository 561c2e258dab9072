"""The only code that speaks HTTP to services: kept connections, one deadline, size limits.

No redirect is followed, nor read, no cookie is kept, and no proxy is taken from the environment. Two ways
lead out: the plain one to services that the operator chose, and the guarded one (``call_stranger``) to hosts
that a partner typed.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from functools import lru_cache
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from contentflow.core.bodies import Body, json_body, opened
from contentflow.core.checked import PrivateAddress, UnknownHost, checked_addresses
from contentflow.core.deadline import Deadline, connect, resolve
from contentflow.core.location import origin_of

ANSWER_BYTES = 64 * 1024
_CHUNK = 8 * 1024

_kept = threading.local()


class NotReached(Exception):
    """No connection came about: nothing was sent."""


class NoAnswer(Exception):
    """It was sent, or may have been; no whole answer came back in time."""


class Stranger(NotReached):
    """The address is none that a stranger may have us call: not https, another port, not public."""


class Answer(NamedTuple):
    """``headers`` have any case; ``body`` is whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's value, or None where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def fields(self) -> dict[str, Any]:
        """Return the body's object; empty where it is no JSON object."""
        found = self.json()
        return found if isinstance(found, dict) else {}


def post_json(url: str, payload: Any, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
    """``call`` with a payload that is sent as JSON."""
    return call("POST", url, timeout_seconds, headers=headers, body=json_body(payload))


def call(
    method: str,
    url: str,
    timeout_seconds: float,
    *,
    headers: Mapping[str, str] | None = None,
    body: Body | None = None,
    most_bytes: int = ANSWER_BYTES,
) -> Answer:
    """Call a service that the operator chose, over this thread's kept connection.

    ``timeout_seconds`` holds for all of it: name, connection, TLS, request, headers and body, however
    slowly they drip. Raises ``NotReached`` and ``NoAnswer``, also for an answer over ``most_bytes``.
    """
    return _call("plain", method, url, timeout_seconds, headers or {}, body, most_bytes)


def call_stranger(
    method: str,
    url: str,
    timeout_seconds: float,
    *,
    trusted_origins: Collection[str],
    headers: Mapping[str, str] | None = None,
    body: Body | None = None,
) -> Answer:
    """Call a host that somebody typed: https on port 443, public addresses only, as ``call`` otherwise.

    ``trusted_origins`` (``scheme://host[:port]``) are the operator's own and go the plain way. Raises
    ``Stranger`` for an address that may not be called, else as ``call``.
    """
    if origin_of(url) in trusted_origins:
        return _call("plain", method, url, timeout_seconds, headers or {}, body)
    if not is_stranger_url(url):
        raise Stranger("url")
    return _call("guarded", method, url, timeout_seconds, headers or {}, body)


def is_stranger_url(url: str) -> bool:
    """Whether this is plain https on its own port: what a stranger's address must be at least."""
    origin = origin_of(url)
    return origin.startswith("https://") and ":" not in origin.removeprefix("https://").rpartition("]")[2]


def _call(
    way: str,
    method: str,
    url: str,
    timeout_seconds: float,
    headers: Mapping[str, str],
    body: Body | None,
    most_bytes: int = ANSWER_BYTES,
) -> Answer:
    with Deadline(timeout_seconds) as deadline:
        _kept.deadline, _kept.is_connected = deadline, False
        try:
            answer = _exchange(way, method, url, headers, body, timeout_seconds, most_bytes)
        except (PrivateAddress, UnknownHost) as error:
            raise Stranger(type(error).__name__) from error
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            missing = NoAnswer if _kept.is_connected else NotReached
            raise missing("TooSlow" if deadline.has_cut else type(error).__name__) from error
        finally:
            _kept.deadline = None
        if deadline.has_cut:  # What was cut off may look as if it had ended.
            raise NoAnswer("TooSlow")
        return answer


def _exchange(
    way: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Body | None,
    timeout_seconds: float,
    most_bytes: int,
) -> Answer:
    sessions: dict[str, requests.Session] = _kept.__dict__.setdefault("sessions", {})
    if way not in sessions:
        session = sessions[way] = requests.Session()
        session.trust_env = False
        session.headers["User-Agent"] = "ContentFlow"
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(way))
    session = sessions[way]
    with opened(body) as data, ExitStack() as afterwards:
        if way == "guarded":
            afterwards.callback(session.close)  # No line is kept: each connection is judged anew.
        given = CaseInsensitiveDict(session.headers)
        given.update(headers if body is None else {"Content-Type": body.kind, **headers})
        request = _prepared(method, url).copy()
        for header in given.items():
            check_header_validity(header)
        request.headers.update(given)
        request.prepare_body(data, None)
        # Not by the session: it would read the whole body of a redirect, look where it leads, keep cookies.
        with session.get_adapter(url).send(request, stream=True, timeout=timeout_seconds) as response:
            content = bytearray()
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                content += chunk
                if len(content) > most_bytes:
                    raise NoAnswer("too long")
            return Answer(response.status_code, response.headers, bytes(content))


@lru_cache(maxsize=16)  # Mails of a send go to one address.
def _prepared(method: str, url: str) -> requests.PreparedRequest:
    return requests.Request(method, url).prepare()


class _Watched(HTTPConnection):
    """A connection that the deadline of the call that uses it can cut, also when it was kept."""

    def _new_conn(self) -> socket.socket:
        host, port = self._dns_host.strip("[]"), self.port or self.default_port
        try:
            found = self._addresses(host, port)
        except (OSError, ValueError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        try:
            return connect(found, _kept.deadline)
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error

    def _addresses(self, host: str, port: int) -> list[Any]:
        return resolve(host, port, _kept.deadline)

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


class _GuardedTLS(_WatchedTLS):
    def _addresses(self, host: str, port: int) -> list[Any]:
        return checked_addresses(host, port, _kept.deadline)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class _GuardedPoolTLS(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class _Adapter(HTTPAdapter):
    """The guarded way has no plain http at all."""

    def __init__(self, way: str) -> None:
        self._is_guarded = way == "guarded"
        super().__init__(pool_connections=2, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        plain = {"http": _Pool, "https": _PoolTLS}
        self.poolmanager.pool_classes_by_scheme = {"https": _GuardedPoolTLS} if self._is_guarded else plain
