"""A network's token stands in no log of a running product, whatever gunicorn is told to write down."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.live import Live, serving

# Every atom of an access log that may hold a path.
EVERYTHING = '"%(r)s %(U)s %(q)s %(f)s %({raw_uri}e)s %({path_info}e)s"'


def answer(live: Live, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    call = urllib.request.Request(live.url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(call, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def send(live: Live, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as line:
        line.sendall(raw)
        line.recv(1_000)


@pytest.mark.proof
def test_no_log_of_a_running_product_holds_the_token(tmp_path: Path):
    logged = f"--access-logfile - --access-logformat {EVERYTHING} --log-level debug"
    with serving(tmp_path, LOG_FORMAT="json", GUNICORN_CMD_ARGS=logged) as live:
        address = live.run("network", "add", "nova")["url"]
        path = urlsplit(address).path
        token = path.rsplit("/", 1)[1]
        sale = "?transaction=T1&amount=12.50&currency=EUR&status=pending"

        assert answer(live, path + sale)[0] == 200
        assert json.loads(answer(live, path + sale.replace("pending", "rejected"))[1])["state"] == "rejected"
        assert answer(live, path + "?amount={payout}", "POST")[0] == 422
        assert answer(live, path, "PUT")[0] == 405
        assert answer(live, path + "x")[0] == 401
        assert answer(live, "/", Referer=address)[0] == 200
        send(live, f"GET {path}?{'a' * 9_000} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        send(live, f"GET {path} HTTP/9.x\r\nHost: localhost\r\n\r\n".encode())
        send(live, f"GET {path}\x00 HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n".encode())
        live.stop()
        written = live.log.read_text()

    assert "/postback/nova/-" in written
    assert token not in written
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes(), file
