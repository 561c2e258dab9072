"""Download a file that a partner named: only from public addresses, within limits of time and size.

Each name is resolved here and the connection goes to the very address that was checked, so a name
that changes its address between check and use (rebinding) gains nothing. Bodies are never
inflated: whatever a server compresses stays as small as it was sent.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from contentflow.core.net import UnreadableUrl, is_public, split_url

logging.getLogger("urllib3").setLevel(logging.ERROR)  # Its warnings name whole addresses.
PORTS = {"http": 80, "https": 443}
MOST_REDIRECTS = 3
MOST_ADDRESSES = 3
FIRST_BYTE_SECONDS = 10.0
CHUNK_BYTES = 256 * 1024
PEEK_BYTES = 64 * 1024
AGENT = "Mozilla/5.0 (compatible; ContentFlow)"


class Refusal(Enum):
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
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class Limits:
    most_bytes: int = 500 * 1024 * 1024
    most_seconds: float = 600.0
    first_byte_seconds: float = FIRST_BYTE_SECONDS


def checked_addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    """Resolve a host; raises ``DownloadRefused`` unless every address it has is public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DownloadRefused(Refusal.UNKNOWN_HOST) from error
    if not all(is_public(ip_address(str(entry[4][0]).partition("%")[0])) for entry in found):
        raise DownloadRefused(Refusal.PRIVATE_ADDRESS)
    return found


def connect_checked(host: str, port: int, timeout: float) -> socket.socket:
    """Connect to one of the addresses that were checked; nothing is resolved a second time."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in checked_addresses(host, port)[:MOST_ADDRESSES]:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout)
        try:
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, int | float) else FIRST_BYTE_SECONDS


class _Checked(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return connect_checked(self._dns_host.strip("[]"), self.port or 80, _seconds(self.timeout))


class _CheckedTLS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return connect_checked(self._dns_host.strip("[]"), self.port or 443, _seconds(self.timeout))


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLS


def download(
    url: str,
    target: Path,
    limits: Limits,
    *,
    wanted: Callable[[bytes], bool] = lambda head: True,
    on_progress: Callable[[float], object] = lambda share: None,
) -> bool:
    """Write what is at ``url`` to ``target``; raises ``DownloadRefused``.

    ``wanted(head)`` sees up to 64 kB first; where it says no, nothing is written and False is
    returned. ``on_progress`` is told the share that came, 0 to 1, where the size is known.
    """
    deadline = time.monotonic() + limits.most_seconds
    with _opened(url, limits, deadline) as response:
        head = _read(response, PEEK_BYTES, deadline)
        if not wanted(head):
            return False
        length = response.headers.get("Content-Length", "")
        total = int(length) if re.fullmatch("[0-9]{1,18}", length) else 0
        if total > limits.most_bytes:
            raise DownloadRefused(Refusal.TOO_LARGE)
        with target.open("wb") as file:
            done = 0
            for chunk in _chunks(response, head, deadline):
                done += len(chunk)
                if done > limits.most_bytes:
                    raise DownloadRefused(Refusal.TOO_LARGE)
                file.write(chunk)
                on_progress(min(1.0, done / total) if total else 0.0)
            file.flush()
            os.fsync(file.fileno())
        if total and done < total:
            raise DownloadRefused(Refusal.UNREACHABLE)
    return True


@contextmanager
def _opened(url: str, limits: Limits, deadline: float) -> Iterator[urllib3.BaseHTTPResponse]:
    """Follow at most three redirects, each judged as the first address was."""
    for _ in range(MOST_REDIRECTS + 1):
        first_byte = min(deadline, time.monotonic() + limits.first_byte_seconds)
        with _pool_for(url) as pool:
            response = _ask(pool, url, first_byte)
            if response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, response.headers.get("Location", ""))
                response.close()
                continue
            try:
                _judge(response.status)
                yield response
            finally:
                response.close()
            return
    raise DownloadRefused(Refusal.TOO_MANY_REDIRECTS)


@contextmanager
def _pool_for(url: str) -> Iterator[HTTPConnectionPool]:
    scheme, host = checked_url(url)
    host = f"[{host}]" if ":" in host else host
    port = PORTS[scheme]
    pool = _PoolTLS(host, port, ca_certs=certifi.where()) if scheme == "https" else _Pool(host, port)
    try:
        yield pool
    finally:
        pool.close()


def checked_url(url: str) -> tuple[str, str]:
    """Return scheme and host; raises ``DownloadRefused`` for what is not plain http(s) on its own port."""
    try:
        parts = split_url(url)
        port, host = parts.port, _plain(parts.hostname or "")
    except (UnreadableUrl, ValueError) as error:
        raise DownloadRefused(Refusal.URL) from error
    usual = PORTS.get(parts.scheme)
    if usual is None or not host or "@" in parts.netloc or port not in (None, usual):
        raise DownloadRefused(Refusal.URL)
    return parts.scheme, host


def _plain(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _ask(pool: HTTPConnectionPool, url: str, first_byte: float) -> urllib3.BaseHTTPResponse:
    headers = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    parts = split_url(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _cut_at(pool, first_byte) as cut:
        try:
            response = pool.urlopen(
                "GET",
                path,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(max(0.1, first_byte - time.monotonic())),
            )
        except (HTTPError, OSError, ValueError) as error:
            late = cut.is_set() or time.monotonic() >= first_byte
            raise DownloadRefused(Refusal.TOO_SLOW if late else Refusal.UNREACHABLE) from error
    if cut.is_set():  # Headers that were cut off look as if they had ended.
        response.close()
        raise DownloadRefused(Refusal.TOO_SLOW)
    return response


@contextmanager
def _cut_at(pool: HTTPConnectionPool, moment: float) -> Iterator[threading.Event]:
    """Cut the pool's connection at ``moment``: a server that drips its headers never times out."""
    opened: list[Any] = []
    make = pool.ConnectionCls
    is_cut = threading.Event()

    def connection(*args: Any, **options: Any) -> Any:
        opened.append(make(*args, **options))
        return opened[-1]

    def cut() -> None:
        is_cut.set()
        for each in opened:
            if each.sock is not None:
                with suppress(OSError):
                    # The plain socket's own method: TLS would first say goodbye and wait.
                    socket.socket.shutdown(each.sock, socket.SHUT_RDWR)

    pool.ConnectionCls = connection  # type: ignore[assignment]
    timer = threading.Timer(max(0.0, moment - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield is_cut
    except DownloadRefused:
        for each in opened:
            each.close()
        raise
    finally:
        timer.cancel()


def _judge(status: int) -> None:
    if status == 200:
        return
    if status in (401, 403, 407, 451):
        raise DownloadRefused(Refusal.CLOSED)
    if status in (404, 410):
        raise DownloadRefused(Refusal.GONE)
    raise DownloadRefused(Refusal.BUSY if status == 429 or status >= 500 else Refusal.REJECTED)


def _chunks(response: urllib3.BaseHTTPResponse, head: bytes, deadline: float) -> Iterator[bytes]:
    yield head
    while chunk := _some(response, CHUNK_BYTES, deadline):
        yield chunk


def _read(response: urllib3.BaseHTTPResponse, most: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    missing = most
    while missing > 0 and (part := _some(response, missing, deadline)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _some(response: urllib3.BaseHTTPResponse, most: int, deadline: float) -> bytes:
    """Return what has come, at least a byte before the end; a server that drips meets the deadline."""
    if time.monotonic() >= deadline:
        raise DownloadRefused(Refusal.TOO_SLOW)
    try:
        return response.read1(most, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise DownloadRefused(Refusal.TOO_SLOW) from error
    except (HTTPError, OSError, ValueError) as error:
        raise DownloadRefused(Refusal.UNREACHABLE) from error
