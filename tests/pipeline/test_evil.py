"""Evil files and pages end with a reason, within limits, and read nothing else."""

from __future__ import annotations

import gzip
import os
import random
import socket
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from contentflow.core import download as downloads
from contentflow.core.download import DownloadLimits
from contentflow.pipeline import fetch as fetching
from contentflow.pipeline.clip import make_clip
from contentflow.pipeline.ffmpeg import reading, run_ffmpeg
from contentflow.pipeline.process import MIB, Overran, ResourceLimits, run
from contentflow.pipeline.reasons import SENTENCES, Failure, UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.sniff import Kind
from tests.core.test_download import OK, says, server
from tests.pipeline.films import film, png
from tests.pipeline.test_clip import render_settings

SECRET = "nobody may read this"
PACKED = zlib.compress(b"\0" * 99)


def reason_for(content: bytes, tmp_path: Path) -> Failure:
    source = tmp_path / "film.mp4"
    source.write_bytes(content)
    with pytest.raises(UnprocessableMedia) as caught:
        make_clip(source, RenderOptions(), render_settings(), tmp_path, lambda step, share: None)
    return caught.value.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", Failure.PLAYLIST),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", Failure.PLAYLIST),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
            Failure.NOT_MEDIA,
        ),
        (b"<!doctype html><video src=x>", Failure.NOT_MEDIA),
        (gzip.compress(b"\0" * 1_000_000), Failure.NOT_MEDIA),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 2000, Failure.UNREADABLE),
        (b"\x1aE\xdf\xa3" + b"\xff" * 2000, Failure.UNREADABLE),
        (png(20_000, 20_000, PACKED), Failure.TOO_MANY_PIXELS),
        (png(200, 200, PACKED), Failure.UNREADABLE),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, Failure.UNREADABLE),
    ],
    ids=["hls", "concat", "svg", "html", "gzip", "no-moov", "mkv", "20000px", "half-png", "half-jpeg"],
)
def test_an_evil_file_is_refused_with_its_reason(content: bytes, reason: Failure, tmp_path: Path):
    began = time.monotonic()

    assert reason_for(content, tmp_path) is reason
    assert time.monotonic() - began < 10


def test_a_film_cut_off_in_the_middle_is_refused(tmp_path: Path):
    whole = film(tmp_path / "whole.mp4").read_bytes()

    assert reason_for(whole[: len(whole) // 2], tmp_path) is Failure.CUT_OFF


def moov(content: bytes) -> slice:
    start = content.index(b"moov") - 4
    return slice(start, start + int.from_bytes(content[start : start + 4]))


def broken(content: bytes, how: str) -> bytes:
    """A film whose index comes first, broken in one way."""
    index = moov(content)
    if how == "cut":
        return content[: (index.start + index.stop) // 2]
    if how == "zeros":
        return content[: index.start + 8] + bytes(index.stop - index.start - 8) + content[index.stop :]
    if how == "alone":
        return content[: index.stop]
    if how == "empty":
        return content[: index.stop + 8] + bytes(len(content) - index.stop - 8)
    if how == "nested":
        nest = b""
        for _ in range(20_000):
            nest = (len(nest) + 8).to_bytes(4) + b"moov" + nest
        return content[: index.start] + nest + content[index.start :]
    at = content.index(how.encode()) + {"stsz": 12, "stts": 8}[how]  # How many entries there are.
    return content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("indexed") / "film.mp4"
    return film(path, seconds=0.6, more=("-movflags", "+faststart")).read_bytes()


@pytest.mark.parametrize("how", ["cut", "zeros", "alone", "empty", "nested", "stsz", "stts"])
def test_a_film_with_a_broken_index_is_refused(how: str, indexed: bytes, tmp_path: Path):
    began = time.monotonic()

    is_short = how in ("cut", "alone")
    assert reason_for(broken(indexed, how), tmp_path) is (Failure.CUT_OFF if is_short else Failure.UNREADABLE)
    assert time.monotonic() - began < 10


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(12))
def test_whatever_stands_in_the_index_a_film_ends(seed: int, indexed: bytes, tmp_path: Path):
    chance, index, content = random.Random(seed), moov(indexed), bytearray(indexed)
    for _ in range(3 * (seed + 1)):
        content[chance.randrange(index.start + 8, index.stop)] = chance.randrange(256)
    source, began = tmp_path / "film.mp4", time.monotonic()
    source.write_bytes(content)

    with suppress(UnprocessableMedia):
        make_clip(source, RenderOptions(), render_settings(), tmp_path, lambda step, share: None)

    assert time.monotonic() - began < 30


@pytest.mark.parametrize("kind", [Kind.MP4, Kind.MATROSKA])
def test_even_past_the_first_look_ffmpeg_reads_no_playlist(kind: Kind, tmp_path: Path):
    film(tmp_path / "secret.mp4", seconds=0.6)
    with socket.create_server(("127.0.0.1", 0)) as door:
        for name in ("secret.mp4", f"http://127.0.0.1:{door.getsockname()[1]}/secret.mp4"):
            for content in (f"#EXTM3U\n#EXTINF:1,\n{name}\n", f"ffconcat version 1.0\nfile '{name}'\n"):
                (tmp_path / "film.mp4").write_text(content)
                arguments = [*reading(tmp_path / "film.mp4", kind, 4096), "-f", "null", "-"]

                outcome = run_ffmpeg(arguments, tmp_path, 10)

                assert outcome.status != 0
                assert "Stream #0" not in outcome.said
        door.settimeout(0.1)
        with pytest.raises(TimeoutError):
            door.accept()


def test_a_program_that_goes_on_for_ever_is_ended_with_all_that_it_started(tmp_path: Path):
    endless = "import subprocess, time; subprocess.Popen(['sleep', '7531']); time.sleep(7531)"

    with pytest.raises(Overran):
        run([sys.executable, "-c", endless], tmp_path, ResourceLimits(seconds=0.5))

    time.sleep(0.2)
    assert subprocess.run(["pgrep", "-f", "sleep 7531"], capture_output=True).stdout == b""


@pytest.mark.parametrize(
    "greedy",
    [
        "x = bytearray(900_000_000)",
        "open('big', 'wb').write(b'x' * 50_000_000)",
    ],
)
@pytest.mark.parametrize("reserves", [False, True])
def test_a_program_gets_no_more_memory_or_disk_than_its_limits_allow(
    greedy: str, reserves: bool, tmp_path: Path
):
    limits = ResourceLimits(seconds=10, memory_bytes=500 * MIB, file_bytes=10 * MIB, reserves=reserves)

    assert run([sys.executable, "-c", greedy], tmp_path, limits).status != 0


@pytest.mark.parametrize("reserves", [False, True])
def test_a_program_may_reserve_what_it_does_not_use_where_its_limits_say_so(reserves: bool, tmp_path: Path):
    reserve = "import mmap; mmap.mmap(-1, 32 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)"
    limits = ResourceLimits(seconds=10, memory_bytes=500 * MIB, reserves=reserves)

    assert (run([sys.executable, "-c", reserve], tmp_path, limits).status == 0) is reserves


def test_a_program_sees_no_secret_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    outcome = run(["/usr/bin/env"], tmp_path, ResourceLimits(seconds=5))

    assert SECRET.encode() not in outcome.output
    assert b"proxy" not in outcome.output


def test_a_program_dies_with_whoever_started_it(tmp_path: Path):
    mark = tmp_path / "alive"
    inner = (
        f"import time\nfor _ in range(300): open({str(mark)!r}, 'w').write(str(time.time())); time.sleep(0.1)"
    )
    outer = (
        "from pathlib import Path; from contentflow.pipeline.process import ResourceLimits, run; import sys;"
        f"run([sys.executable, '-c', {inner!r}], Path({str(tmp_path)!r}), ResourceLimits(seconds=60))"
    )
    process = subprocess.Popen([sys.executable, "-c", outer], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 20
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    process.kill()
    process.wait()

    time.sleep(0.3)
    written = mark.read_text()
    time.sleep(0.5)
    assert mark.read_text() == written


def fetch_from(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> Path:
    monkeypatch.setattr(downloads, "PORTS", {"http": port})
    monkeypatch.setattr("contentflow.core.checked.is_public", lambda ip: True)
    return fetching.fetch(
        f"http://127.0.0.1:{port}/film", tmp_path / "brought", tmp_path, DownloadLimits(**limits)
    )


def test_a_direct_file_is_brought_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = film(tmp_path / "film.mp4", seconds=0.6).read_bytes()
    with server(says(OK, f"Content-Length: {len(content)}\r\n\r\n".encode(), content)) as port:
        assert fetch_from(port, tmp_path, monkeypatch).read_bytes() == content


@pytest.mark.parametrize(
    ("answer", "limits", "reason"),
    [
        (says(OK, b"\r\n", *[b"x" * 65536] * 40), {"max_bytes": 1_000_000}, Failure.TOO_LARGE),
        (says(OK, b"\r\n", *[b"x"] * 200, pause=0.02), {"max_seconds": 0.5}, Failure.TOO_SLOW),
        (says(b"HTTP/1.1 404 No\r\n\r\n"), {}, Failure.GONE),
        (says(b""), {}, Failure.UNREACHABLE),
    ],
)
def test_a_download_that_goes_wrong_has_its_reason(
    answer: Any,
    limits: dict[str, Any],
    reason: Failure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    with server(answer) as port, pytest.raises(UnprocessableMedia) as caught:
        fetch_from(port, tmp_path, monkeypatch, **limits)
    assert caught.value.reason is reason


@pytest.mark.proof
def test_the_page_reader_reaches_no_private_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A page on this machine: the first look is let through here, but yt-dlp's own process never is."""
    page = says(OK, b"\r\n<!doctype html><html><video src=film.mp4></video>")
    with server(page, page) as port, pytest.raises(UnprocessableMedia) as caught:
        fetch_from(port, tmp_path, monkeypatch)

    assert caught.value.reason is Failure.PRIVATE_ADDRESS


HOSTS = (
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "①②⑦.0.0.1",
    "::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
)
PROBES = {
    "loopback": "s = socket.create_connection(('127.0.0.1', 80), 2)",
    "name": "socket.socket().connect(('localhost', 80))",
    "mapped": "socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', 80))",
    "metadata": "socket.socket().connect(('169.254.169.254', 80))",
    "port": "socket.socket().connect(('93.184.216.34', 22))",
    "unix": "socket.socket(socket.AF_UNIX).connect('/run/x')",
    "connect_ex": "socket.socket().connect_ex(('10.0.0.1', 443))",
    **{host: f"socket.create_connection(({host!r}, 80), 2)" for host in HOSTS},
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES.keys())
def test_the_guard_of_the_page_reader_refuses(probe: str, tmp_path: Path):
    root = Path(__file__).parents[2]
    code = (
        f"import sys, socket; sys.path.insert(0, {str(root / 'contentflow' / 'pipeline')!r});"
        f"import ytdlp_script; ytdlp_script.guard_connections(); {probe}"
    )

    outcome = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=20)

    assert "private address" in outcome.stderr


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Sign in to confirm you’re not a bot. Use --cookies", Failure.ROBOT_CHECK),
        ("ERROR: [vimeo] 1: This video is private", Failure.CLOSED),
        ("ERROR: Video unavailable. This video has been removed", Failure.GONE),
        ("ERROR: Unsupported URL: https://x", Failure.NO_VIDEO),
        ("This video is DRM protected", Failure.PROTECTED),
        ("This is a password-protected video", Failure.CLOSED),
        ("This is live", Failure.LIVE),
        ("Your IP address is blocked from accessing this post", Failure.ROBOT_CHECK),
        ("This video is protected by a password, use the --video-password option", Failure.CLOSED),
        ("This video is not available from your location due to geo restriction", Failure.CLOSED),
        ("HTTP Error 503: Service Unavailable", Failure.BUSY),
        ("The current session has been rate-limited", Failure.BUSY),
        ("Unable to download webpage: The read operation timed out", Failure.UNREACHABLE),
        ("Unsupported URL: https://example.org/private/drm", Failure.NO_VIDEO),
        ("Failed to resolve 'login.example.org'", Failure.UNREACHABLE),
        ("something else", Failure.NO_VIDEO),
    ],
)
def test_what_yt_dlp_says_becomes_a_reason(said: str, reason: Failure):
    assert fetching._complaint(said).reason is reason


@pytest.mark.parametrize(
    ("error", "heard", "reason"),
    [
        (
            "HTTP Error 403: Forbidden",
            "Some formats have been skipped as they are DRM protected",
            Failure.CLOSED,
        ),
        (
            "",
            "[download] File is larger than max-filesize (2 bytes > 1 bytes). Aborting.",
            Failure.TOO_LARGE,
        ),
        ("ffmpeg exited with code 1", "Private video", Failure.CLOSED),
    ],
)
def test_the_error_counts_before_what_was_heard(error: str, heard: str, reason: Failure):
    assert fetching._complaint(error, heard).reason is reason


def test_every_reason_has_its_sentence():
    assert set(SENTENCES) == set(Failure)


def test_nothing_of_a_child_stays_in_its_folder_that_is_not_ours(tmp_path: Path):
    make = film(tmp_path / "film.mp4", seconds=0.6)
    work = tmp_path / "work"
    work.mkdir()

    made, _ = make_clip(make, RenderOptions(), render_settings(), work, lambda step, share: None)

    names = {"clip.mp4", *(f"{kind}-{n}.jpg" for kind in ("cover", "poster") for n in (1, 2, 3))}
    assert set(os.listdir(made)) <= names
