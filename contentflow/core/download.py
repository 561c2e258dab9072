"""Download a file that a partner named: only from public addresses, within limits of time and size.

Connections are checked ones (``core/checked.py``). Bodies are never
inflated: whatever a server compresses stays as small as it was sent. Time runs by the clock on the wall,
also for who drips headers, the size of a chunk or its trailer, and there is a least speed.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from contentflow.core.checked import PrivateAddress, UnknownHost, checked_addresses
from contentflow.core.deadline import Deadline, connect
from contentflow.core.location import ascii_host, resolved
from contentflow.core.net import UnreadableUrl, split_url

logging.getLogger("urllib3").setLevel(logging.ERROR)  # Its warnings name whole addresses.
PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 3  # A short link, http to https, and a name with www.
FIRST_BYTE_SECONDS = 10.0
# 8 kB a second: slower, not even 5 MB would come in the ten minutes that all of it may take.
MIN_BYTES = 256 * 1024
MIN_SECONDS = 32.0
CHUNK_BYTES = 256 * 1024
PEEK_BYTES = 64 * 1024
AGENT = "Mozilla/5.0 (compatible; ContentFlow)"


class DownloadFailure(Enum):
    """Why a download ended without a file."""

    URL = "url"
    PRIVATE_ADDRESS = "private address"
    UNKNOWN_HOST = "unknown host"
    UNREACHABLE = "unreachable"
    TOO_SLOW = "too slow"
    TOO_LARGE = "too large"
    TOO_MANY_REDIRECTS = "too many redirects"
    CLOSED = "closed"  # 401, 403, 407, 451: only for those who log in, or not from here.
    GONE = "gone"
    BUSY = "busy"  # 429 and 5xx: later it may work.
    REJECTED = "rejected"


class DownloadRefused(Exception):
    def __init__(self, refusal: DownloadFailure) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class DownloadLimits:
    max_bytes: int = 500 * 1024 * 1024
    max_seconds: float = 600.0
    first_byte_seconds: float = FIRST_BYTE_SECONDS
    min_seconds: float = MIN_SECONDS


class _Checked(HTTPConnection):
    """A connection to an address that was checked; nothing is resolved a second time."""

    def __init__(self, deadline: Deadline, *args: Any, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        port = self.port or self.default_port
        found = checked_addresses(self._dns_host.strip("[]"), port, self._deadline)
        return connect(found, self._deadline)


class _CheckedTLS(_Checked, HTTPSConnection):
    pass


def download(
    url: str,
    target: Path,
    limits: DownloadLimits,
    *,
    wanted: Callable[[bytes], bool] = lambda head: True,
    on_progress: Callable[[float], object] = lambda share: None,
) -> bool:
    """Write what is at ``url`` to ``target``; raises ``DownloadRefused``.

    ``wanted(head)`` sees up to 64 kB first; where it says no, nothing is written and False is
    returned. ``on_progress`` is told the share that came, 0 to 1, where the size is known.
    """
    with Deadline(limits.max_seconds) as deadline, _opened(url, limits, deadline) as response:
        body = _Body(response, limits, deadline)
        head = body.read(PEEK_BYTES)
        if not wanted(head):
            return False
        length = response.headers.get("Content-Length", "")
        total = int(length) if re.fullmatch("[0-9]{1,18}", length) else 0
        if total > limits.max_bytes:
            raise DownloadRefused(DownloadFailure.TOO_LARGE)
        with target.open("wb") as file:
            done = 0
            for chunk in body.chunks(head):
                done += len(chunk)
                if done > limits.max_bytes:
                    raise DownloadRefused(DownloadFailure.TOO_LARGE)
                file.write(chunk)
                on_progress(min(1.0, done / total) if total else 0.0)
            file.flush()
            os.fsync(file.fileno())
        if total and done < total:
            raise DownloadRefused(DownloadFailure.UNREACHABLE)
    return True


_STATUSES = {
    **dict.fromkeys((401, 403, 407, 451), DownloadFailure.CLOSED),
    **dict.fromkeys((404, 410), DownloadFailure.GONE),
}


@contextmanager
def _opened(url: str, limits: DownloadLimits, deadline: Deadline) -> Iterator[urllib3.BaseHTTPResponse]:
    """Follow at most three redirects, each judged as the first address was."""
    for _ in range(MAX_REDIRECTS + 1):
        deadline.within(limits.first_byte_seconds)
        with _pool_for(url, deadline) as pool:
            response = _ask(pool, url, limits, deadline)
            try:
                further = _further(url, response)
                if further is None:
                    if response.status != 200:
                        is_busy = response.status == 429 or response.status >= 500
                        unnamed = DownloadFailure.BUSY if is_busy else DownloadFailure.REJECTED
                        raise DownloadRefused(_STATUSES.get(response.status, unnamed))
                    yield response
                    return
                url = further
            finally:
                response.close()
    raise DownloadRefused(DownloadFailure.TOO_MANY_REDIRECTS)


def _further(url: str, response: urllib3.BaseHTTPResponse) -> str | None:
    """Return where a redirect leads; a browser follows none that says nothing, or two things."""
    # Only what HTTP calls blank: each letter is a byte, and A0 may be the end of an “à”.
    told = {place.strip(" \t\r\n") for place in response.headers.getlist("Location")} - {""}
    if response.status not in (301, 302, 303, 307, 308) or not told:
        return None
    try:
        (place,) = told
        return resolved(url, place)
    except ValueError as error:
        raise DownloadRefused(DownloadFailure.URL) from error


@contextmanager
def _pool_for(url: str, deadline: Deadline) -> Iterator[HTTPConnectionPool]:
    scheme, host = checked_url(url)
    host = f"[{host}]" if ":" in host else host
    port = PORTS[scheme]
    pool: HTTPConnectionPool
    if scheme == "https":
        pool = HTTPSConnectionPool(host, port, ca_certs=certifi.where())
        pool.ConnectionCls = partial(_CheckedTLS, deadline)  # type: ignore[assignment]
    else:
        pool = HTTPConnectionPool(host, port)
        pool.ConnectionCls = partial(_Checked, deadline)  # type: ignore[assignment]
    try:
        yield pool
    finally:
        pool.close()


def checked_url(url: str) -> tuple[str, str]:
    """Return scheme and host; raises ``DownloadRefused`` for what is not plain http(s) on its own port."""
    try:
        parts = split_url(url)
        port, host = parts.port, ascii_host(parts.hostname or "")
    except (UnreadableUrl, ValueError) as error:
        raise DownloadRefused(DownloadFailure.URL) from error
    usual = PORTS.get(parts.scheme)
    if usual is None or not host or "@" in parts.netloc or port not in (None, usual):
        raise DownloadRefused(DownloadFailure.URL)
    return parts.scheme, host


def _ask(
    pool: HTTPConnectionPool, url: str, limits: DownloadLimits, deadline: Deadline
) -> urllib3.BaseHTTPResponse:
    headers = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    parts = split_url(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        response = pool.urlopen(
            "GET",
            path,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(limits.min_seconds),  # The deadline is stricter, and holds for all.
        )
    except PrivateAddress as error:
        raise DownloadRefused(DownloadFailure.PRIVATE_ADDRESS) from error
    except UnknownHost as error:
        raise DownloadRefused(DownloadFailure.UNKNOWN_HOST) from error
    except (HTTPError, OSError, ValueError) as error:
        raise DownloadRefused(_missed(deadline)) from error
    if deadline.has_cut:  # Headers that were cut off look as if they had ended.
        response.close()
        raise DownloadRefused(DownloadFailure.TOO_SLOW)
    return response


def _missed(deadline: Deadline) -> DownloadFailure:
    return (
        DownloadFailure.TOO_SLOW if deadline.has_cut or not deadline.left() else DownloadFailure.UNREACHABLE
    )


class _Body:
    """What comes after the headers: in time as a whole, and each part of it at the least speed."""

    def __init__(
        self, response: urllib3.BaseHTTPResponse, limits: DownloadLimits, deadline: Deadline
    ) -> None:
        self._response, self._deadline = response, deadline
        self._least_seconds = limits.min_seconds
        self._missing = 0
        self._came(0)

    def chunks(self, head: bytes) -> Iterator[bytes]:
        yield head
        while chunk := self._some(CHUNK_BYTES):
            yield chunk

    def read(self, max_bytes: int) -> bytes:
        parts: list[bytes] = []
        while max_bytes > 0 and (part := self._some(max_bytes)):
            parts.append(part)
            max_bytes -= len(part)
        return b"".join(parts)

    def _some(self, max_bytes: int) -> bytes:
        """Return what has come, at least a byte before the end."""
        try:
            some = self._response.read1(max_bytes, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise DownloadRefused(_missed(self._deadline)) from error
        if self._deadline.has_cut:  # A body without a length ends where its line does.
            raise DownloadRefused(DownloadFailure.TOO_SLOW)
        self._came(len(some))
        return some

    def _came(self, count: int) -> None:
        self._missing -= count
        if self._missing <= 0:
            self._missing = MIN_BYTES
            self._deadline.within(self._least_seconds)
