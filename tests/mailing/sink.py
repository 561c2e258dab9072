"""A real mail server for the tests, and what it was sent."""

from __future__ import annotations

import socket

from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """A mail server that answers RCPT and DATA as it is told; ``silent``: it drops the line at DATA."""

    def __init__(self) -> None:
        self.rcpt, self.data, self.is_silent = "250 OK", "250 OK", False
        self.mails: list[bytes] = []
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes) and len(envelope.rcpt_tos) == 1
        if self.data.startswith("250"):
            self.mails.append(envelope.content)
        if self.is_silent:
            server.transport.abort()
        return self.data


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
