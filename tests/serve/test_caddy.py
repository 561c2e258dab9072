"""The product behind Caddy, with the very file of deploy/."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks import slow_clients
from contentflow.config import ROOT
from tests.live import free_port, serving
from tests.serve.test_nginx import status

CADDY = shutil.which("caddy")
pytestmark = [pytest.mark.proof, pytest.mark.skipif(CADDY is None, reason="needs caddy")]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return Caddy's URL; the product stands behind it. A public name would ask for a certificate."""
    assert CADDY is not None
    folder, port = tmp_path_factory.mktemp("caddy"), free_port()
    environ = {"TRUSTED_PROXIES": "1", "DATABASE_URL": "", "UNKNOWN_CODE_PER_MINUTE": "5"}
    with serving(folder / "data", "--workers", "1", **environ) as live:
        names = {
            "CONTENTFLOW_HOST": f"http://127.0.0.1:{port}",
            "CONTENTFLOW_UPSTREAM": f"127.0.0.1:{live.port}",
        }
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        config = without_administration(folder)
        command = [CADDY, "run", "--config", str(config), "--adapter", "caddyfile"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env={**os.environ, **names, **home}, stderr=log)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(10)


def without_administration(folder: Path) -> Path:
    """Return deploy/Caddyfile without Caddy's own port for changes, which another test's Caddy may hold."""
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    assert text.count("{\n\tservers {") == 1
    config = folder / "Caddyfile"
    config.write_text(text.replace("{\n\tservers {", "{\n\tadmin off\n\tservers {"))
    return config


def refusal(proxy: str, body: bytes) -> int:
    """Post where no large body belongs; Caddy answers while the body still comes, and hangs up."""
    connection = http.client.HTTPConnection(proxy.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/partner/login")
        connection.putheader("Content-Type", "text/plain")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(body)
        return connection.getresponse().status


def test_pages_come_through(proxy: str) -> None:
    assert status(f"{proxy}/healthz") == 200
    assert status(f"{proxy}/") == 200


def test_drippers_keep_nobody_waiting(proxy: str, capsys: pytest.CaptureFixture[str]) -> None:
    fell = slow_clients.main(proxy, 12)

    assert not fell, capsys.readouterr().out


def test_a_forged_address_does_not_open_the_limit(proxy: str) -> None:
    forged = [status(f"{proxy}/l/000000{n}", X_Forwarded_For=f"203.0.113.{n}") for n in range(10)]

    assert forged.count(429) >= 4


@pytest.mark.parametrize("path", ["/byop/submit", "/byop/video", "/byop/part?id=x&at=0"])
def test_a_large_body_reaches_the_uploads_alone(proxy: str, path: str) -> None:
    large = b"a" * 3_000_000

    assert refusal(proxy, large) == 413
    assert status(f"{proxy}{path}", large, Content_Type="multipart/form-data; boundary=x") in {
        200,
        400,
        403,
    }


def test_no_log_of_the_proxy_holds_a_path(proxy: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(tmp_path_factory.getbasetemp().glob("caddy*"))

    status(f"{proxy}/postback/awin/a-token-in-the-path")

    assert "a-token-in-the-path" not in (folder / "log").read_text()
