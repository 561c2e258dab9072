"""Addresses on an internet of their own: films and pages are brought, and nothing private is reached.

The product's own code runs unchanged, yt-dlp and all: see ``internet.py``.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.sniff import Kind, kind_of_file
from tests.namespaces import namespaces
from tests.pipeline.films import ffmpeg, film

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
HOME = "http://video.example.org/"
NUMBER = "kkGMgK9ZtnKfYAgnEtQxbv"
PRIVATE_FILM = "http://10.0.0.1/film.mp4"

Pages = dict[str, Any]
Fetch = Callable[..., dict[str, Any]]


def page(inside: str) -> str:
    return f"<!doctype html><html><head><title>A page</title></head><body>{inside}</body></html>"


def shows(url: str) -> str:
    return page(f'<video src="{url}"></video>')


def playing(playlist: str, kind: str = "application/x-mpegURL") -> str:
    return page(f'<video><source src="{playlist}" type="{kind}"></video>')


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was started of the programs beside it, which would connect to anything."""
    mark = tmp_path_factory.mktemp("programs") / "started"
    for name in ("rtmpdump", "phantomjs"):
        program = mark.with_name(name)
        program.write_text(f"#!/bin/sh\necho $0 $@ >> {mark}\n")
        program.chmod(0o755)
    return mark


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory, started: Path) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("internet.py")
    command = [*namespaces(), sys.executable, str(script), str(tmp_path_factory.mktemp("internet"))]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{started.parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def fetch(internet: subprocess.Popen[str], tmp_path: Path) -> Fetch:
    """Get the video of an address, where each path of every site is one of ``pages``."""

    def fetch(url: str, pages: Pages, **limits: Any) -> dict[str, Any]:
        assert internet.stdin is not None and internet.stdout is not None
        folder = tmp_path / "work"
        folder.mkdir()
        limits = {"max_seconds": 60, **limits}
        order = {"url": url, "pages": pages, "folder": str(folder), "limits": limits}
        internet.stdin.write(json.dumps(order) + "\n")
        internet.stdin.flush()
        result: dict[str, Any] = json.loads(internet.stdout.readline())
        assert result["intrusions"] == []
        return result

    return fetch


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two seconds as ``film.mp4``, and cut up for HLS and DASH."""
    folder = tmp_path_factory.mktemp("films")
    whole = film(folder / "film.mp4", seconds=2, more=("-g", "10"))
    hls = ("-hls_time", "0.4", "-hls_playlist_type", "vod", "-hls_segment_filename")
    for name, streams in {"all": (), "picture": ("-an",), "sound": ("-vn",)}.items():
        pieces = str(folder / f"{name}-%d.ts")
        ffmpeg("-i", str(whole), "-c", "copy", *streams, *hls, pieces, str(folder / f"{name}.m3u8"))
    (folder / "apart.m3u8").write_text(
        "#EXTM3U\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="fr",DEFAULT=YES,URI="sound.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=320x180,CODECS="avc1.42c00d,mp4a.40.2",AUDIO="s"\n'
        "picture.m3u8\n"
    )
    ffmpeg("-i", str(whole), "-c", "copy", "-f", "dash", "-seg_duration", "0.4", str(folder / "dash.mpd"))
    return folder


@pytest.fixture
def pages(films: Path) -> Pages:
    return {f"/{path.name}": {"file": str(path)} for path in films.iterdir()}


def playlist(tmp_path: Path, films: Path, old: str, new: str) -> Pages:
    """The playlist of the film, with one thing changed."""
    text = (films / "all.m3u8").read_text()
    assert old in text
    (tmp_path / "list.m3u8").write_text(text.replace(old, new, 1))
    return {"/": playing("/list.m3u8"), "/list.m3u8": {"file": str(tmp_path / "list.m3u8")}}


def peertube(tmp_path: Path, **about: Any) -> Pages:
    """What a PeerTube server answers: https://docs.joinpeertube.org/api-rest-reference.html#tag/Video."""
    film = {"resolution": {"id": 180, "label": "180p"}, "fileUrl": "https://framatube.org/film.mp4"}
    video = {"uuid": NUMBER, "name": "A film", "files": [film], "streamingPlaylists": []} | about
    (tmp_path / "video.json").write_text(json.dumps(video))
    return {f"/api/v1/videos/{NUMBER}/": {"file": str(tmp_path / "video.json")}}


def is_the_film(path: str, films: Path) -> bool:
    return Path(path).read_bytes() == (films / "film.mp4").read_bytes()


def reason_of(result: dict[str, Any]) -> tuple[Failure, bool]:
    assert "file" not in result
    return Failure(result["reason"]), result["is_passing"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_film_is_brought_without_looking_any_further(scheme: str, fetch: Fetch, pages: Pages, films: Path):
    result = fetch(f"{scheme}://video.example.org/film.mp4", pages)

    assert is_the_film(result["file"], films)
    assert result["visits"] == ["/film.mp4"]


@pytest.mark.parametrize(
    "inside",
    [
        '<video src="/film.mp4"></video>',
        '<meta property="og:video" content="http://video.example.org/film.mp4">',
        '<script type="application/ld+json">{"@context": "https://schema.org", "@type": "VideoObject", '
        '"name": "A film", "contentUrl": "https://video.example.org/film.mp4"}</script>',
        f'<iframe src="https://framatube.org/videos/embed/{NUMBER}"></iframe>',
    ],
    ids=["video", "og", "json-ld", "embed"],
)
def test_a_page_gives_the_film_that_it_shows(
    inside: str, fetch: Fetch, pages: Pages, films: Path, tmp_path: Path
):
    result = fetch(HOME, {"/": page(inside)} | pages | peertube(tmp_path))

    assert is_the_film(result["file"], films)


@pytest.mark.parametrize(
    "url", [f"https://framatube.org/w/{NUMBER}", f"https://video.example.org/w/{NUMBER}"]
)
def test_peertube_gives_its_film_on_servers_known_and_new(
    url: str, fetch: Fetch, pages: Pages, films: Path, tmp_path: Path
):
    watch = {f"/w/{NUMBER}": page('<meta property="og:platform" content="PeerTube">')}

    result = fetch(url, pages | watch | peertube(tmp_path))

    assert is_the_film(result["file"], films)


@pytest.mark.parametrize(
    "source",
    [playing("/all.m3u8"), playing("/apart.m3u8"), playing("/dash.mpd", "application/dash+xml")],
    ids=["hls", "hls-apart", "dash"],
)
def test_a_film_in_pieces_is_put_together_with_its_sound(source: str, fetch: Fetch, pages: Pages):
    result = fetch(HOME, {"/": source} | pages)

    media = probe(Path(result["file"]), Kind.MP4, MediaLimits())
    assert media.seconds == pytest.approx(2, abs=0.1)
    assert (media.width, media.height, media.has_sound) == (320, 180, True)


def test_a_page_that_is_closed_at_first_may_be_open_to_yt_dlp(fetch: Fetch, pages: Pages, films: Path):
    result = fetch(HOME, {"/": [403, shows("/film.mp4")]} | pages)

    assert is_the_film(result["file"], films)


FORMS = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "①②⑦.⓪.⓪.①",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1:0:ffff:f7f7:f7f7]",
    "[fec0::1]",
    "[ff0e::1]",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "0.0.0.0",
    "here.example.org",
    "inside.example.org",
]


@pytest.mark.parametrize("host", FORMS)
def test_no_form_of_a_private_address_is_called(host: str, fetch: Fetch, pages: Pages):
    assert reason_of(fetch(f"http://{host}/film.mp4", pages)) == (Failure.PRIVATE_ADDRESS, False)


@pytest.mark.parametrize("host", FORMS[-5:] + FORMS[1:8:3])
def test_a_redirect_to_a_private_address_is_not_followed(host: str, fetch: Fetch, pages: Pages):
    result = fetch(HOME, pages | {"/": {"to": f"http://{host}/film.mp4"}})

    assert reason_of(result) == (Failure.PRIVATE_ADDRESS, False)


@pytest.mark.parametrize(
    "there",
    [
        {"/": shows("http://127.0.0.1/film.mp4")},
        {"/": shows("https://inside.example.org/film.mp4")},
        {"/": shows("/away"), "/away": {"to": PRIVATE_FILM}},
        {"/": page(f'<meta http-equiv="refresh" content="0; url={PRIVATE_FILM}">')},
        {"/": [page(""), {"to": PRIVATE_FILM}]},
    ],
    ids=["loopback", "name", "redirect", "refresh", "later"],
)
def test_a_page_leads_to_no_private_address(there: Pages, fetch: Fetch, pages: Pages):
    assert reason_of(fetch(HOME, pages | there)) == (Failure.PRIVATE_ADDRESS, False)


def test_a_film_is_brought_from_where_its_name_was_checked(fetch: Fetch, pages: Pages, films: Path):
    result = fetch("http://rebinding.example.org/film.mp4", pages)

    assert is_the_film(result["file"], films)
    assert result["asked"] == {"rebinding.example.org": 1}


@pytest.mark.parametrize("url", ["http://rebinding.example.org/", HOME])
def test_a_name_that_turns_private_is_not_followed(url: str, fetch: Fetch, pages: Pages):
    """The page's own name after the first look, or its video's after a first piece."""
    pieces = {"/list.m3u8": pages["/all.m3u8"], "/": playing("http://rebinding.example.org/list.m3u8")}

    assert reason_of(fetch(url, pages | pieces)) == (Failure.PRIVATE_ADDRESS, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("all-2.ts", "http://10.0.0.1/all-2.ts"),
        ("#EXTINF", '#EXT-X-MAP:URI="http://10.0.0.1/all-0.ts"\n#EXTINF'),
        ("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="http://10.0.0.1/key"\n#EXTINF'),
    ],
    ids=["piece", "map", "key"],
)
def test_a_playlist_leads_to_no_private_address(
    old: str, new: str, fetch: Fetch, pages: Pages, films: Path, tmp_path: Path
):
    result = fetch(HOME, pages | playlist(tmp_path, films, old, new))

    assert reason_of(result) == (Failure.PRIVATE_ADDRESS, False)


def test_a_server_like_peertube_leads_to_no_private_address(fetch: Fetch, pages: Pages, tmp_path: Path):
    api = peertube(tmp_path, files=[{"fileUrl": PRIVATE_FILM}])
    watch = {f"/w/{NUMBER}": page('<meta property="og:platform" content="PeerTube">')}

    result = fetch(f"https://video.example.org/w/{NUMBER}", pages | watch | api)

    assert reason_of(result) == (Failure.PRIVATE_ADDRESS, False)


@pytest.mark.parametrize(
    "url", ["rtmp://10.0.0.1/live/film.mp4", "ftp://10.0.0.1/film.mp4", "file:///etc/passwd"]
)
def test_no_other_protocol_is_spoken_by_us_or_a_program(url: str, fetch: Fetch, pages: Pages, started: Path):
    result = fetch(HOME, pages | {"/": shows(url)})

    assert reason_of(result) == (Failure.NO_VIDEO, False)
    assert not started.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("all-2.ts", "file:///etc/passwd"),
        ("#EXTINF", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="http://10.0.0.1/key"\n#EXTINF'),
    ],
    ids=["file", "ffmpeg"],
)
def test_a_playlist_reads_no_file_and_is_not_left_to_ffmpeg(
    old: str, new: str, fetch: Fetch, pages: Pages, films: Path, tmp_path: Path
):
    result = fetch(HOME, pages | playlist(tmp_path, films, old, new))

    assert reason_of(result) == (Failure.NO_VIDEO, False)


@pytest.mark.parametrize(
    ("status", "reason", "is_passing"),
    [
        (401, Failure.CLOSED, False),
        (403, Failure.CLOSED, False),
        (404, Failure.GONE, False),
        (410, Failure.GONE, False),
        (429, Failure.BUSY, True),
        (500, Failure.BUSY, True),
        (503, Failure.BUSY, True),
    ],
)
def test_a_page_that_answers_something_else_has_its_reason(
    status: int, reason: Failure, is_passing: bool, fetch: Fetch
):
    assert reason_of(fetch(HOME, {"/": status})) == (reason, is_passing)


@pytest.mark.parametrize(
    ("status", "reason", "is_passing"),
    [
        (403, Failure.CLOSED, False),
        (404, Failure.GONE, False),
        (429, Failure.ROBOT_CHECK, False),
        (503, Failure.BUSY, True),
    ],
)
def test_a_video_that_a_page_shows_in_vain_has_its_reason(
    status: int, reason: Failure, is_passing: bool, fetch: Fetch
):
    assert reason_of(fetch(HOME, {"/": shows("/film.mp4"), "/film.mp4": status})) == (reason, is_passing)


@pytest.mark.parametrize("path", ["private-DRM-lessons", "login"])
def test_a_page_without_a_video_says_so_whatever_it_is_called(path: str, fetch: Fetch):
    result = fetch(HOME + path, {f"/{path}": page("Just words.")})

    assert reason_of(result) == (Failure.NO_VIDEO, False)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://missing.example.org/film.mp4", {}),
        ("https://video.example.net/film.mp4", {}),
        (HOME, {"/": shows("http://missing.example.org/film.mp4")}),
        (HOME, {"/": shows("https://video.example.net/film.mp4")}),
    ],
    ids=["no-name", "no-certificate", "page-no-name", "page-no-certificate"],
)
def test_a_server_that_cannot_be_reached_or_trusted_is_tried_again_later(
    url: str, there: Pages, fetch: Fetch, pages: Pages
):
    assert reason_of(fetch(url, pages | there)) == (Failure.UNREACHABLE, True)


def test_a_live_video_is_not_waited_for(fetch: Fetch, tmp_path: Path, pages: Pages):
    playlists = [{"playlistUrl": "https://framatube.org/all.m3u8"}]
    api = peertube(tmp_path, isLive=True, files=[], streamingPlaylists=playlists)
    watch = {f"/w/{NUMBER}": page("")}

    result = fetch(f"https://framatube.org/w/{NUMBER}", pages | watch | api)

    assert reason_of(result) == (Failure.LIVE, False)


def test_a_film_under_protection_says_so(fetch: Fetch, pages: Pages, films: Path, tmp_path: Path):
    key = '#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT="com.apple.streamingkeydelivery",URI="skd://x"\n#EXTINF'

    result = fetch(HOME, pages | playlist(tmp_path, films, "#EXTINF", key))

    assert reason_of(result) == (Failure.PROTECTED, False)


@pytest.mark.parametrize(
    "there",
    [
        {"/": shows("/film.mp4")},
        {"/": shows("/endless.mp4")},
        {"/": playing("/all.m3u8")},
    ],
    ids=["says-so", "endless", "pieces"],
)
def test_a_page_brings_no_more_bytes_than_allowed(
    there: Pages, fetch: Fetch, pages: Pages, films: Path, tmp_path: Path
):
    endless = {"/endless.mp4": {"file": str(films / "film.mp4"), "times": 1_000}}

    result = fetch(HOME, pages | endless | there, max_bytes=100_000)

    assert reason_of(result) == (Failure.TOO_LARGE, False)
    assert sum(path.stat().st_size for path in (tmp_path / "work").iterdir()) < 500_000


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_page_that_would_fill_the_memory_is_given_up(encoding: str, fetch: Fetch, tmp_path: Path):
    part = page("").encode() + b" " * 50_000_000
    bomb = tmp_path / "bomb.html"
    bomb.write_bytes(gzip.compress(part) if encoding == "gzip" else part)
    vast = {"file": str(bomb), "times": 200, "headers": {"Content-Encoding": encoding}}

    result = fetch(HOME, {"/": [page(""), vast]})

    assert reason_of(result) == (Failure.NO_VIDEO, False)
    assert result["max_mib"] < 1_200  # A gigabyte, and the code of the programs.
    assert result["seconds"] < 30


def test_a_film_that_is_a_gzip_bomb_stays_small_and_is_no_film(fetch: Fetch, tmp_path: Path):
    bomb = tmp_path / "bomb.mp4"
    bomb.write_bytes(gzip.compress(b"\0" * 50_000_000))

    result = fetch(
        HOME + "bomb.mp4", {"/bomb.mp4": {"file": str(bomb), "headers": {"Content-Encoding": "gzip"}}}
    )

    assert Path(result["file"]).stat().st_size == bomb.stat().st_size
    with pytest.raises(UnprocessableMedia) as caught:
        kind_of_file(Path(result["file"]))
    assert caught.value.reason is Failure.NOT_MEDIA


def test_the_first_look_and_the_page_share_one_time(fetch: Fetch, tmp_path: Path):
    drop = tmp_path / "drop.html"
    drop.write_text("<!doctype html>")
    slow = [{"file": str(drop), "times": 20, "pause": 0.1}, {"file": str(drop), "times": 900, "pause": 0.1}]

    result = fetch(HOME, {"/": slow}, max_seconds=4)

    assert reason_of(result) == (Failure.TOO_SLOW, False)
    assert result["seconds"] < 5
