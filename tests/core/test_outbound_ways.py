"""Every kind of body on the wire, and the guarded way to hosts that somebody typed."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from contentflow.core import bodies, checked, location, outbound
from tests.core import tls
from tests.core.test_outbound import drip, head, listening, server

OK = head("200 OK", 2) + b"ok"


def heard_by(call, answer: bytes = OK) -> bytes:
    """Return the whole request that ``call(url)`` sends."""
    heard: list[bytes] = []

    def listen(line: socket.socket) -> None:
        got = bytearray()
        while b"\r\n\r\n" not in got:
            got += line.recv(65_536)
        length = re.search(rb"(?i)content-length: (\d+)", got)
        wanted = got.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
        while len(got) < wanted:
            got += line.recv(65_536)
        heard.append(bytes(got))
        line.sendall(answer)

    with listening(listen) as url:
        call(url)
    return heard[0]


def test_a_get_sends_no_body_and_its_headers() -> None:
    heard = heard_by(lambda url: outbound.call("GET", url + "a?b=1", 5, headers={"Accept": "text/plain"}))

    assert heard.startswith(b"GET /a?b=1 HTTP/1.1\r\n")
    assert b"Accept: text/plain" in heard
    assert heard.endswith(b"\r\n\r\n")


def test_a_form_is_sent_as_browsers_send_one() -> None:
    fields = {"text": "é & = +\n", "empty": ""}

    heard = heard_by(lambda url: outbound.call("POST", url, 5, body=bodies.form_body(fields)))

    head_, _, body = heard.partition(b"\r\n\r\n")
    assert b"Content-Type: application/x-www-form-urlencoded" in head_
    assert parse_qs(body.decode(), keep_blank_values=True) == {k: [v] for k, v in fields.items()}


def test_multipart_holds_the_whole_file_and_names_its_length(tmp_path: Path) -> None:
    film = tmp_path / "clip.mp4"
    film.write_bytes(bytes(range(256)) * 400)
    body = bodies.multipart_body({"description": "été"}, "file", "clip.mp4", "video/mp4", film)

    heard = heard_by(lambda url: outbound.call("POST", url, 5, body=body))

    head_, _, sent = heard.partition(b"\r\n\r\n")
    mark = re.search(rb"boundary=(\S+)", head_)[1]
    _, first, second, last = sent.split(b"--" + mark)
    assert first.endswith("\r\n\r\nété\r\n".encode())
    assert b'name="file"; filename="clip.mp4"\r\nContent-Type: video/mp4\r\n\r\n' in second
    assert second.partition(b"\r\n\r\n")[2] == film.read_bytes() + b"\r\n"
    assert last == b"--\r\n"
    assert b"Transfer-Encoding" not in head_


def test_a_range_of_a_file_is_sent_alone(tmp_path: Path) -> None:
    film = tmp_path / "clip.mp4"
    film.write_bytes(b"0123456789")
    body = bodies.file_body("video/mp4", film, 3, 4)

    heard = heard_by(lambda url: outbound.call("PUT", url, 5, body=body))

    assert heard.partition(b"\r\n\r\n")[2] == b"3456"


def test_a_big_file_is_never_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "clip.mp4"
    with film.open("wb") as file:
        file.truncate(4_000_000)
    most: list[int] = []
    read = bodies.Upload.read

    def noted(self, size: int = -1) -> bytes:
        block = read(self, size)
        most.append(len(block))
        return block

    monkeypatch.setattr(bodies.Upload, "read", noted)

    heard = heard_by(lambda url: outbound.call("PUT", url, 20, body=bodies.file_body("video/mp4", film)))

    assert len(heard) > 4_000_000
    assert max(most) <= 256 * 1024


def test_a_file_that_shrank_is_no_answer(tmp_path: Path) -> None:
    film = tmp_path / "clip.mp4"
    film.write_bytes(b"x" * 10_000)
    body = bodies.file_body("video/mp4", film)
    film.write_bytes(b"x" * 5_000)

    with server(OK, pause=0.5) as url, pytest.raises((outbound.NoAnswer, outbound.NotReached)):
        outbound.call("PUT", url, 3, body=body)


def test_a_server_that_stops_reading_an_upload_is_given_up(tmp_path: Path) -> None:
    film = tmp_path / "clip.mp4"
    with film.open("wb") as file:
        file.truncate(200_000_000)

    with listening(lambda line: time.sleep(8)) as url:
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer):
            outbound.call("PUT", url, 0.7, body=bodies.file_body("video/mp4", film))

    assert time.monotonic() - began < 5


def test_no_cookie_is_kept() -> None:
    baked = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

    def twice(url: str) -> None:
        with server(baked) as other:
            outbound.call("GET", other, 5)
            outbound.call("GET", other, 5)
        outbound.call("GET", url, 5)

    assert b"Cookie" not in heard_by(twice)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_an_answer_and_nobody_goes_there(method: str) -> None:
    hits: list[bytes] = []
    with listening(lambda line: hits.append(line.recv(9))) as other:
        moved = f"HTTP/1.1 307 x\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode()
        with server(moved) as url:
            assert outbound.call(method, url, 5).status == 307

    assert hits == []


@pytest.mark.parametrize("body", [b"[1]", b"null", b"3", b"rubbish", b"", b"1e999", b'{"a":' * 20_000])
def test_what_is_no_object_has_no_fields(body: bytes) -> None:
    assert outbound.Answer(200, {}, body).fields() == {}


# The guarded way


def ask(url: str, trusted=()) -> outbound.Answer:
    return outbound.call_stranger("GET", url, 2, trusted_origins=trusted)


@pytest.mark.parametrize(
    "url",
    [
        "http://social.example/",
        "https://social.example:8443/",
        "https://social.example:80/",
        "https://me:secret@social.example/",
        "https://@social.example/",
        "https:///path",
        "https://social.example\\@other.example/",
        "https://so cial.example/",
        "ftp://social.example/",
        "//social.example/",
        "javascript:alert(1)",
        "https://[::1/",
        "https://social.example:99999/",
        "",
    ],
)
def test_an_address_that_a_stranger_may_not_have_is_never_resolved(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("resolved"))

    with pytest.raises(outbound.Stranger):
        ask(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "①②⑦.0.0.1", "localhost", "localhost.",
        "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "10.0.0.1", "169.254.169.254", "192.168.1.1",
        "100.64.0.1", "[fe80::1]", "[fc00::1]", "0.0.0.0",
    ],
)  # fmt: skip
def test_a_private_address_of_whatever_form_is_called_by_nobody(host: str) -> None:
    with pytest.raises(outbound.NotReached):
        ask(f"https://{host}/")


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    with pytest.raises(outbound.Stranger):
        ask("https://social.example/")


def test_a_name_that_rebinds_is_judged_and_called_at_the_same_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["93.184.215.14", "127.0.0.1"])
    called: list[str] = []

    def resolve(host: str, port: int, **_: object):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: called.append(address[0]) or refuse())

    with pytest.raises(outbound.NotReached):
        ask("https://social.example/")

    assert called == ["93.184.215.14"]


def refuse() -> None:
    raise ConnectionRefusedError


def test_an_origin_of_the_operators_own_goes_the_plain_way() -> None:
    with server(OK) as url:
        assert ask(url, {url.rstrip("/")}).body == b"ok"
        with pytest.raises(outbound.Stranger):
            ask(url, {url.rstrip("/") + "1"})


def test_every_connection_to_a_stranger_is_judged_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = tls.certificate(tmp_path)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(path))
    monkeypatch.setattr(outbound, "_kept", threading.local())
    monkeypatch.setattr(checked, "is_public", lambda ip: judged.append(str(ip)) or True)
    judged: list[str] = []

    def answer(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as inner:
            while inner.recv(65_536):
                inner.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with listening(answer) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, _, **more: resolve(host, port, **more))
        for _ in range(2):
            assert ask("https://127.0.0.1/").body == b"ok"

    assert judged == ["127.0.0.1"] * 2


def test_a_stranger_whose_certificate_nobody_trusts_hears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, _ = tls.certificate(tmp_path)
    monkeypatch.setattr(outbound, "_kept", threading.local())
    monkeypatch.setattr(checked, "is_public", lambda ip: True)
    heard: list[bytes] = []

    def answer(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as inner:
            heard.append(inner.recv(65_536))

    with listening(answer) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, _, **more: resolve(host, port, **more))
        with pytest.raises(outbound.NotReached):
            ask("https://127.0.0.1/")

    assert heard in ([], [b""])


def test_a_stranger_that_drips_is_cut_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(lambda line: drip(line, b"X", 6)) as url:
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer):
            outbound.call_stranger("GET", url, 0.5, trusted_origins={url.rstrip("/")})

    assert time.monotonic() - began < 4


def test_a_gigabyte_is_read_to_64_kilobytes() -> None:
    sent = 0

    def pour(line: socket.socket) -> None:
        nonlocal sent
        line.recv(65_536)
        line.sendall(head("200 OK", 1 << 30))
        while True:
            sent += line.send(b"x" * 65_536)

    with listening(pour) as url, pytest.raises(outbound.NoAnswer):
        outbound.call("GET", url, 10)

    time.sleep(0.1)
    assert sent < 20_000_000


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.example/x", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:8080/", "http://a.example:8080"),
        ("https://été.example/", "https://xn--t-9fab.example"),
        ("https://[::1]:8/", "https://[::1]:8"),
        ("https://u@a.example/", ""),
        ("ftp://a.example/", ""),
    ],
)
def test_an_origin_is_scheme_host_and_unusual_port(url: str, origin: str) -> None:
    assert location.origin_of(url) == origin
