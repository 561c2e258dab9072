"""Bodies in chunks that are none: the client is told so, and nothing is noted as a fault of ours."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.live import Live, serving

HEAD = (
    b"POST /postback/nova HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
BEHIND = b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("live"), "--workers", "1") as live:
        yield live


def answers(live: Live, body: bytes) -> list[int]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as line:
        line.sendall(HEAD + body)
        line.shutdown(socket.SHUT_WR)
        said = b""
        while more := line.recv(65_536):
            said += more
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", said, re.MULTILINE)]


@pytest.mark.proof
@pytest.mark.parametrize(
    "body",
    [b"+5\r\nsmugg\r\n0\r\n\r\n", b"-5\r\nsmugg\r\n0\r\n\r\n", b"5\r\nsmuggXX0\r\n\r\n", b"5\nsmugg\n0\n\n"],
)
def test_a_body_that_is_no_chunks_is_a_bad_request(live: Live, body: bytes) -> None:
    noted = Path(live.log).read_text().count("unforeseen")

    assert answers(live, body + BEHIND) == [400]
    assert Path(live.log).read_text().count("unforeseen") == noted
