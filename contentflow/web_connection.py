"""One client of the web worker: its socket, what came on it so far, and how long it is waited for."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from gunicorn import util
from gunicorn.workers.gthread import TConn

from contentflow.min_rate import MinRate
from contentflow.request_buffer import RequestBuffer

if TYPE_CHECKING:
    from contentflow.web_worker import Worker

# A proxy that hands an upload on as it comes needs a while to see that it was refused: a connection cut
# before makes its visitor's answer a 502.
LINGER_BYTES = 4 * 1024 * 1024


def subscriber(client: Any) -> str:
    """Return a socket's address, IPv6 by its /64; empty for this machine and for UNIX sockets."""
    try:
        address = ip_address(client[0])
    except (ValueError, TypeError, IndexError):
        return ""
    whole = address if address.version == 4 else ip_network((address, 64), strict=False)
    return "" if address.is_loopback else str(whole)


class Connection(TConn):
    """One client; ``until`` is when the loop stops waiting for it; ``rests``: it was answered at once."""

    def __init__(self, worker: Worker, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, client, server)
        self.worker = worker
        self.address = subscriber(client)
        self.request = RequestBuffer()
        self.until = 0.0
        self.is_large = self.is_let_go = self.rests = False
        self.left_to_drain = LINGER_BYTES
        self.min_rate: MinRate | None = None

    def close(self, graceful: bool = False) -> None:
        self.worker.let_go(self)
        if graceful:
            self.worker.linger(self)
        else:
            util.close(self.sock)
