"""Downloads reach only public addresses, and end."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from contentflow.core import checked
from contentflow.core import download as module
from contentflow.core.download import DownloadFailure, DownloadLimits, DownloadRefused, download
from tests.core import tls

Answer = Callable[[socket.socket], object]
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def server(*answers: Answer, heard: list[bytes] | None = None) -> Iterator[int]:
    """Answer one connection with each of ``answers``, in turn; ``heard`` gets the requests."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            for answer in answers:
                try:
                    visitor, _ = door.accept()
                except OSError:
                    return
                with visitor:
                    try:
                        said = visitor.recv(65536)
                        if heard is not None:
                            heard.append(said)
                        answer(visitor)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1]


def says(*parts: bytes, pause: float = 0.0) -> Answer:
    def answer(visitor: socket.socket) -> None:
        for part in parts:
            visitor.sendall(part)
            time.sleep(pause)

    return answer


@pytest.fixture
def open_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own server counts as public; whatever else is asked for stays judged."""
    monkeypatch.setattr(checked, "is_public", lambda ip: True)


def fetch(monkeypatch: pytest.MonkeyPatch, port: int, target: Path, **limits: Any) -> bool:
    monkeypatch.setattr(module, "PORTS", {"http": port, "https": 443})
    return download(f"http://127.0.0.1:{port}/film", target, DownloadLimits(**limits))


def refusal(act: Callable[[], object]) -> DownloadFailure:
    with pytest.raises(DownloadRefused) as caught:
        act()
    return caught.value.refusal


@pytest.mark.usefixtures("open_world")
def test_a_file_is_written_as_it_was_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with server(says(OK, b"Content-Length: 10\r\n\r\n", b"0123456789")) as port:
        assert fetch(monkeypatch, port, tmp_path / "film")

    assert (tmp_path / "film").read_bytes() == b"0123456789"


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_file_comes_over_tls_from_whom_one_can_trust(
    is_trusted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context, path = tls.certificate(tmp_path)
    if is_trusted:
        monkeypatch.setattr("certifi.where", lambda: str(path))

    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError), context.wrap_socket(door.accept()[0], server_side=True) as line:
                line.recv(65_536)
                line.sendall(OK + b"Content-Length: 2\r\n\r\nok")

        threading.Thread(target=serve, daemon=True).start()
        port = door.getsockname()[1]
        monkeypatch.setattr(module, "PORTS", {"https": port})
        url = f"https://127.0.0.1:{port}/film"
        if is_trusted:
            assert download(url, tmp_path / "film", DownloadLimits())
        else:
            assert (
                refusal(lambda: download(url, tmp_path / "film", DownloadLimits()))
                is DownloadFailure.UNREACHABLE
            )


@pytest.mark.usefixtures("open_world")
def test_what_is_not_wanted_by_its_first_bytes_is_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with server(says(OK, b"\r\n<html>")) as port:
        monkeypatch.setattr(module, "PORTS", {"http": port})
        wanted = download(
            f"http://127.0.0.1:{port}/",
            tmp_path / "film",
            DownloadLimits(),
            wanted=lambda head: head != b"<html>",
        )

    assert not wanted
    assert not (tmp_path / "film").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/film.mp4",
        "http://localhost/film.mp4",
        "http://127.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:7f00:1:0:ffff:f7f7:f7f7]/",
        "http://[fec0::1]/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://192.168.1.1/",
        "http://224.0.0.1/",
        "http://0.0.0.0/",
    ],
)
def test_a_private_address_is_refused_however_it_is_written(url: str, tmp_path: Path) -> None:
    assert refusal(lambda: download(url, tmp_path / "film", DownloadLimits())) in (
        DownloadFailure.PRIVATE_ADDRESS,
        DownloadFailure.UNKNOWN_HOST,  # Some systems do not resolve the oldest forms at all.
    )
    assert not (tmp_path / "film").exists()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/film",
        "file:///etc/passwd",
        "http://example.org:8080/",
        "https://example.org:80/",
        "https://alice@example.org/",
        "https://alice:secret@example.org/",
        "https:///film",
        "https://exa mple.org/",
        "https://example.org\\@127.0.0.1/",
    ],
)
def test_other_schemes_ports_and_credentials_are_refused(url: str, tmp_path: Path) -> None:
    assert refusal(lambda: download(url, tmp_path / "film", DownloadLimits())) is DownloadFailure.URL


def test_a_redirect_to_loopback_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checked, "is_public", lambda ip: str(ip) == "127.0.0.1")
    there = says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/film\r\n\r\n")

    with server(there) as port:
        assert refusal(lambda: fetch(monkeypatch, port, tmp_path / "film")) is DownloadFailure.PRIVATE_ADDRESS


@pytest.mark.usefixtures("open_world")
def test_a_fourth_redirect_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    again = says(b"HTTP/1.1 302 Found\r\nLocation: /film\r\nContent-Length: 0\r\n\r\n")

    with server(*[again] * 5) as port:
        assert (
            refusal(lambda: fetch(monkeypatch, port, tmp_path / "film")) is DownloadFailure.TOO_MANY_REDIRECTS
        )


def test_a_name_that_changes_its_address_is_reached_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, **more: Any) -> Any:
        asked.append(host)
        return resolve("127.0.0.1" if len(asked) == 1 else "127.0.0.9", port, **more)

    monkeypatch.setattr(checked, "is_public", lambda ip: str(ip) == "127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with server(says(OK, b"Content-Length: 2\r\n\r\nok")) as port:
        monkeypatch.setattr(module, "PORTS", {"http": port})
        download(f"http://film.example.org:{port}/", tmp_path / "film", DownloadLimits())

    assert asked == ["film.example.org"]


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    assert (
        refusal(lambda: download("http://film.example.org/", tmp_path / "film", DownloadLimits()))
        is DownloadFailure.PRIVATE_ADDRESS
    )


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize("size", [b"Content-Length: 99999999\r\n", b""])
def test_more_bytes_than_allowed_are_refused(
    size: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with server(says(OK, size, b"\r\n", *[b"x" * 65536] * 40)) as port:
        assert (
            refusal(lambda: fetch(monkeypatch, port, tmp_path / "film", max_bytes=1_000_000))
            is DownloadFailure.TOO_LARGE
        )
    assert not (tmp_path / "film").exists() or (tmp_path / "film").stat().st_size <= 1_000_000


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        pytest.param(OK + b"\r\n", b"x", id="body"),
        pytest.param(OK + b"Content-Length: 900\r\n\r\n", b"x", id="body of known length"),
        pytest.param(CHUNKED, b"0", id="a chunk's size"),
        pytest.param(CHUNKED + b"1", b";a=b", id="a chunk's extension"),
        pytest.param(CHUNKED + b"3\r\nabc", b"\r", id="a chunk's end"),
        pytest.param(CHUNKED + b"3\r\nabc\r\n0\r\n", b"X-A: b\r\n", id="trailers"),
        pytest.param(CHUNKED, b"1\r\nx\r\n", id="chunks"),
    ],
)
def test_what_drips_ends_at_the_deadline(
    begin: bytes, drop: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began = time.monotonic()
    with server(says(begin, *[drop] * 100, pause=0.05)) as port:
        assert (
            refusal(lambda: fetch(monkeypatch, port, tmp_path / "film", max_seconds=0.5))
            is DownloadFailure.TOO_SLOW
        )
    assert time.monotonic() - began < 4


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 302 Found\r\n", OK, OK + b"X-Long: "])
def test_headers_that_drip_end_with_the_wait_for_the_first_byte(
    begin: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began = time.monotonic()
    with server(says(begin, *[b"X-A: b\r\n" if begin else b"H"] * 90, pause=0.05)) as port:
        limits = {"first_byte_seconds": 0.5}
        assert (
            refusal(lambda: fetch(monkeypatch, port, tmp_path / "film", **limits)) is DownloadFailure.TOO_SLOW
        )
    assert time.monotonic() - began < 4


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize("drop", [b"\x16", b"\x00"])
def test_a_handshake_that_drips_ends_with_the_wait_for_the_first_byte(
    drop: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began = time.monotonic()
    with server(says(b"\x16\x03\x03\x40\x00", *[drop] * 90, pause=0.05)) as port:
        monkeypatch.setattr(module, "PORTS", {"https": port})
        limits = DownloadLimits(first_byte_seconds=0.5)
        assert (
            refusal(lambda: download(f"https://127.0.0.1:{port}/", tmp_path / "film", limits))
            is DownloadFailure.TOO_SLOW
        )
    assert time.monotonic() - began < 4


@pytest.mark.usefixtures("open_world")
def test_a_source_below_the_least_speed_is_given_up_long_before_the_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "MIN_BYTES", 10_000)
    began = time.monotonic()
    with server(says(OK + b"\r\n" + b"x" * 70_000, *[b"x" * 100] * 100, pause=0.05)) as port:
        assert (
            refusal(lambda: fetch(monkeypatch, port, tmp_path / "film", min_seconds=0.5))
            is DownloadFailure.TOO_SLOW
        )
    assert time.monotonic() - began < 4


@pytest.mark.usefixtures("open_world")
def test_a_source_above_the_least_speed_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "MIN_BYTES", 10_000)
    with server(says(OK + b"\r\n", *[b"x" * 5_000] * 20, pause=0.1)) as port:
        assert fetch(monkeypatch, port, tmp_path / "film", min_seconds=1.5)

    assert (tmp_path / "film").stat().st_size == 100_000


@pytest.mark.usefixtures("open_world")
def test_a_name_service_that_is_slow_holds_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(6) or [])
    began = time.monotonic()

    limits = DownloadLimits(first_byte_seconds=0.3)
    refused = refusal(lambda: download("http://film.example.org/", tmp_path / "film", limits))

    assert refused is DownloadFailure.UNKNOWN_HOST
    assert time.monotonic() - began < 4


def redirecting(location: bytes, more: bytes = b"") -> Answer:
    head = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n" + more + b"\r\n"
    return says(head)


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/vidéo.mp4".encode(), b"/vid%C3%A9o.mp4"),
        (b"/ma video.mp4", b"/ma%20video.mp4"),
        (b"/vid\xe9o.mp4", b"/vid%E9o.mp4"),  # Latin-1, as old servers say it.
        ("/Åse\u2028.mp4".encode(), b"/%C3%85se%E2%80%A8.mp4"),  # 0x85 and U+2028 end no line of a header.
        (b"video.mp4?a=b c", b"/deep/video.mp4?a=b%20c"),
        (b"?again", b"/deep/film?again"),
        (b"  /blanks\t ", b"/blanks"),
        ("/voilà".encode(), b"/voil%C3%A0"),  # It ends with A0, which is a blank in Latin-1.
        (b"\\back\\slashes.mp4", b"/back/slashes.mp4"),
        (b"/part#t=10", b"/part"),
        (b"http:relative.mp4", b"/deep/relative.mp4"),
        (b"../up.mp4", b"/up.mp4"),
        (b"/100%.mp4", b"/100%25.mp4"),
    ],
)
def test_a_redirect_is_followed_as_browsers_do(
    location: bytes, asked: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard: list[bytes] = []
    film = says(OK + b"Content-Length: 2\r\n\r\nok")

    with server(redirecting(location), film, heard=heard) as port:
        monkeypatch.setattr(module, "PORTS", {"http": port})
        download(f"http://127.0.0.1:{port}/deep/film", tmp_path / "film", DownloadLimits())

    assert [line.split()[1] for line in heard] == [b"/deep/film", asked]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (b"http://[::1", DownloadFailure.URL),
        (b"http://", DownloadFailure.URL),
        (b"http://[::1]/", DownloadFailure.PRIVATE_ADDRESS),
        (b"//127.0.0.2/", DownloadFailure.PRIVATE_ADDRESS),
        (b"\\\\127.0.0.2\\film", DownloadFailure.PRIVATE_ADDRESS),
        (b"////127.0.0.2/", DownloadFailure.PRIVATE_ADDRESS),
        (b"http:\\\\127.0.0.2/", DownloadFailure.PRIVATE_ADDRESS),
        (b"http://127%2e0%2e0%2e2/", DownloadFailure.PRIVATE_ADDRESS),
        ("http://①②⑦.0.0.2/".encode(), DownloadFailure.PRIVATE_ADDRESS),
        (b"http://0x7f000002/", DownloadFailure.PRIVATE_ADDRESS),
        (b" http://127.0.0.2/ ", DownloadFailure.PRIVATE_ADDRESS),
        (b"ht\ttp://127.0.0.2/", DownloadFailure.PRIVATE_ADDRESS),
        (b"http://127.0.0.2\\@film.example.org/", DownloadFailure.PRIVATE_ADDRESS),
        (b"http://film.example.org@127.0.0.2/", DownloadFailure.URL),
        (b"http://a:b@127.0.0.2/", DownloadFailure.URL),
        (b"http://127.0.0.2:22/", DownloadFailure.URL),
        (b"http://127.0.0.1:99999/", DownloadFailure.URL),
        (b"http://a b/", DownloadFailure.URL),
        (b"http://a%2fb/", DownloadFailure.URL),
        (b"ftp://127.0.0.1/", DownloadFailure.URL),
        (b"file:///etc/passwd", DownloadFailure.URL),
        (b"javascript:alert(1)", DownloadFailure.URL),
        (b"", DownloadFailure.REJECTED),
        (b"/a\r\nLocation: /b", DownloadFailure.URL),
    ],
)
def test_a_redirect_passes_every_check_of_the_first_address(
    location: bytes, expected: DownloadFailure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checked, "is_public", lambda ip: str(ip) == "127.0.0.1")

    with server(redirecting(location)) as port:
        usual = {"http": port}
        monkeypatch.setattr(module, "PORTS", usual)
        # The second address is judged with the port that everybody uses.
        further = module._further

        def then_as_everybody(*args: Any) -> str | None:
            usual["http"] = 80
            return further(*args)

        monkeypatch.setattr(module, "_further", then_as_everybody)
        url = f"http://127.0.0.1:{port}/film"
        assert refusal(lambda: download(url, tmp_path / "film", DownloadLimits())) is expected
    assert not (tmp_path / "film").exists()


@pytest.mark.usefixtures("open_world")
def test_a_redirect_that_is_said_twice_alike_is_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    film = says(OK + b"Content-Length: 2\r\n\r\nok")

    with server(redirecting(b"/b", b"location: /b\r\n"), film) as port:
        assert fetch(monkeypatch, port, tmp_path / "film")


@pytest.mark.usefixtures("open_world")
def test_a_gzip_bomb_stays_as_small_as_it_was_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with server(says(OK, b"Content-Encoding: gzip\r\n\r\n", bomb)) as port:
        fetch(monkeypatch, port, tmp_path / "film")

    assert (tmp_path / "film").read_bytes() == bomb


@pytest.mark.usefixtures("open_world")
def test_a_body_that_ends_early_is_not_taken_for_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with server(says(OK, b"Content-Length: 100\r\n\r\n", b"half")) as port:
        assert refusal(lambda: fetch(monkeypatch, port, tmp_path / "film")) is DownloadFailure.UNREACHABLE


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, DownloadFailure.CLOSED),
        (404, DownloadFailure.GONE),
        (429, DownloadFailure.BUSY),
        (503, DownloadFailure.BUSY),
        (400, DownloadFailure.REJECTED),
    ],
)
def test_each_status_has_its_reason(
    status: int, expected: DownloadFailure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with server(says(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())) as port:
        assert refusal(lambda: fetch(monkeypatch, port, tmp_path / "film")) is expected


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize("length", [b"abc", b"-5", b"3, 3", "٣".encode(), b"9" * 5_000])
def test_a_length_that_is_no_number_is_no_length(
    length: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with server(says(OK, b"Content-Length: " + length + b"\r\n\r\n", b"abc")) as port:
        assert fetch(monkeypatch, port, tmp_path / "film")

    assert (tmp_path / "film").read_bytes() == b"abc"


@pytest.mark.usefixtures("open_world")
def test_no_address_that_was_asked_for_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGENT", "x")
    with server(says(OK, b"Bad Header\r\nContent-Length: 3\r\n\r\nabc")) as port:
        monkeypatch.setattr(module, "PORTS", {"http": port})
        with suppress(DownloadRefused):
            download(f"http://127.0.0.1:{port}/film?token=secret", tmp_path / "film", DownloadLimits())

    assert "secret" not in caplog.text
