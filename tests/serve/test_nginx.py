"""The product behind nginx, with the very files of docs/."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks import slow_clients
from contentflow.config import ROOT
from tests.live import free_port, serving

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [pytest.mark.proof, pytest.mark.skipif(NGINX is None, reason="needs nginx")]
AROUND = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    include {folder}/site.conf;
}}
"""


def site(folder: Path, port: int, upstream: int) -> str:
    """Return docs/nginx.conf on other ports, without TLS, and with room for an attack from one machine."""
    text = (ROOT / "docs" / "nginx.conf").read_text()
    for pattern, instead in (
        (r"127\.0\.0\.1:8000", f"127.0.0.1:{upstream}"),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"ssl_certificate.*", ""),
        (r"limit_conn addresses 100", "limit_conn addresses 1000"),
        (r"/var/log/nginx", str(folder)),
        (r"/etc/nginx/contentflow_proxy.conf", str(ROOT / "docs" / "contentflow_proxy.conf")),
    ):
        text, found = re.subn(pattern, instead, text)
        assert found, pattern
    return text


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return nginx's URL; the product stands behind it."""
    assert NGINX is not None
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    environ = {"TRUSTED_PROXIES": "1", "DATABASE_URL": "", "UNKNOWN_CODE_PER_MINUTE": "5"}
    with serving(folder / "data", "--workers", "1", **environ) as live:
        (folder / "site.conf").write_text(site(folder, port, live.port))
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        if os.geteuid() == 0:  # Its worker is another user then.
            for path in (folder, *folder.parents):
                if path.owner() == "root" and not path.stat().st_mode & 0o001:
                    path.chmod(path.stat().st_mode | 0o011)
        process = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf"), "-e", str(folder / "start.log")])
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(10)


def status(url: str, data: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(
        url, data, {name.replace("_", "-"): text for name, text in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


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

    assert status(f"{proxy}/partner/login", large, Content_Type="text/plain") == 413
    assert status(f"{proxy}{path}", large, Content_Type="multipart/form-data; boundary=x") in {
        200,
        400,
        403,
    }


def test_no_log_of_the_proxy_holds_an_address(proxy: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = next(tmp_path_factory.getbasetemp().glob("nginx*"))

    assert status(f"{proxy}/partner/login", b"a" * 3_000_000, Content_Type="text/plain") == 413

    assert [log.read_text() for log in folder.glob("contentflow.log")] == [""]
    assert not list(folder.glob("*access*"))
