"""The connection to a mail server: cut at a deadline, and deaf to endless replies."""

from __future__ import annotations

import smtplib
import socket
from typing import Any

from contentflow.core.deadline import Deadline, connect, resolve

# More than any greeting or reply needs; a server that says more is hung up on.
MAX_REPLY_BYTES = 256 * 1024


class SmtpConnection(smtplib.SMTP):
    """An SMTP connection that ``deadline`` cuts; raises as ``smtplib`` does."""

    def __init__(self, deadline: Deadline, *args: Any, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(*args, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connect(resolve(host, port, self._deadline), self._deadline)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class SmtpConnectionTLS(smtplib.SMTP_SSL, SmtpConnection):
    """As ``SmtpConnection``, with TLS from the first byte."""

    def __init__(self, deadline: Deadline, *args: Any, **options: Any) -> None:
        self._deadline = deadline
        smtplib.SMTP_SSL.__init__(self, *args, **options)


class _Bounded:
    """What the server says, in whole lines; whoever says more than any reply needs is hung up on.

    Of “250” only the first two digits may have come when a line breaks: half a reply is none.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MAX_REPLY_BYTES

    def readline(self, size: int) -> bytes:
        line = bytes(self._file.readline(size))
        self._left -= len(line)
        is_whole = line.endswith(b"\n") or len(line) == size
        return line if is_whole and self._left > 0 else b""

    def close(self) -> None:
        self._file.close()
