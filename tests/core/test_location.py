"""Redirects lead where Chromium goes: the addresses on the right are what its ``new URL(…)`` said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.core.location import resolved
from contentflow.core.net import UnreadableUrl, split_url

HERE = "https://a.example/dir/film.mp4?x=1"
CASES = {
    "": "https://a.example/dir/film.mp4?x=1",
    "#f": "https://a.example/dir/film.mp4?x=1",
    "/m a video.mp4": "https://a.example/m%20a%20video.mp4",
    "/vidéo.mp4": "https://a.example/vid%C3%A9o.mp4",
    "video.mp4": "https://a.example/dir/video.mp4",
    "./video.mp4": "https://a.example/dir/video.mp4",
    "../video.mp4": "https://a.example/video.mp4",
    "../../../video.mp4": "https://a.example/video.mp4",
    "?q=é b": "https://a.example/dir/film.mp4?q=%C3%A9%20b",
    "//b.example/x": "https://b.example/x",
    "///b.example/x": "https://b.example/x",
    "////b.example": "https://b.example/",
    "/\\b.example/x": "https://b.example/x",
    "\\\\b.example\\x": "https://b.example/x",
    "\\x\\y": "https://a.example/x/y",
    "https:/x": "https://a.example/x",
    "https:x": "https://a.example/dir/x",
    "https://b.example": "https://b.example/",
    "http:/b.example/x": "http://b.example/x",
    "http:b.example": "http://b.example/",
    "http:///b.example//x": "http://b.example//x",
    "HTTP://B.EXAMPLE/X": "http://b.example/X",
    " /x ": "https://a.example/x",
    "/x\t": "https://a.example/x",
    "/a\tb\nc": "https://a.example/abc",
    "/x#frag#ment": "https://a.example/x",
    "/a b?c d#e f": "https://a.example/a%20b?c%20d",
    "/a?b\\c": "https://a.example/a?b\\c",
    "/%2e%2e/x": "https://a.example/x",
    "/a/%2E/b": "https://a.example/a/b",
    "/a/..": "https://a.example/",
    "/a/.": "https://a.example/a/",
    "/a/./": "https://a.example/a/",
    "http://127%2e0%2e0%2e1/": "http://127.0.0.1/",
    "http://①②⑦.0.0.1/": "http://127.0.0.1/",
    "https://école.example/é": "https://xn--cole-9oa.example/%C3%A9",
    "https://ÉCOLE.example": "https://xn--cole-9oa.example/",
    "https://faß.de/": "https://xn--fa-hia.de/",
    "https://b.example:443/": "https://b.example/",
    "https://b.example:0443/": "https://b.example/",
    "http://b.example:443/": "http://b.example:443/",
    "https://b.example:8080/x": "https://b.example:8080/x",
    "https://b.example:/x": "https://b.example/x",
    "https://b.example:80a/": None,
    "http://[::1]/x": "http://[::1]/x",
    "http://[::1": None,
    "http://[::1]:80/": "http://[::1]/",
    "//": None,
    "https://": None,
    "http://%00/": None,
    "http://a%2fb/": None,
    "http://a<b/": None,
    "/:x": "https://a.example/:x",
    "/x:y": "https://a.example/x:y",
    "http://b.example?x": "http://b.example/?x",
    "http://b.example#x": "http://b.example/",
    "?\"<>`{}|^[]'": "https://a.example/dir/film.mp4?%22%3C%3E`{}|^[]%27",
    "http://b.example/a//b/../c": "http://b.example/a//c",
    "https://i❤.ws/x": "https://xn--i-7iq.ws/x",
    "https://xn--ls8h.la/": "https://xn--ls8h.la/",
    "/\u200dx": "https://a.example/%E2%80%8Dx",
    "/\x01x": "https://a.example/%01x",
    "/é%C3%A9": "https://a.example/%C3%A9%C3%A9",
    "https://b.example/?é=ü": "https://b.example/?%C3%A9=%C3%BC",
    "//[2001:db8::1]/x": "https://[2001:db8::1]/x",
    "https://b.example\\@c.example/": "https://b.example/@c.example/",
    "https://b.example/@c": "https://b.example/@c",
    "https://b.example./x": "https://b.example./x",
    "https://a_b.example/x": "https://a_b.example/x",
    "http://b.example/a;b=c,d": "http://b.example/a;b=c,d",
}


@pytest.mark.parametrize("location", CASES)
def test_a_location_is_read_as_browsers_read_it(location: str) -> None:
    on_the_wire = location.encode().decode("latin-1")
    expected = CASES[location]

    if expected is None:
        with pytest.raises(UnreadableUrl):
            resolved(HERE, on_the_wire)
    else:
        assert resolved(HERE, on_the_wire) == expected


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("/caf\xe9", "https://a.example/caf%E9"),  # Latin-1 on the wire.
        ("/etf/dax\xae_ucits", "https://a.example/etf/dax%AE_ucits"),
        ("/100%", "https://a.example/100%25"),  # Browsers leave a lone %; servers read both alike.
    ],
)
def test_what_is_no_utf8_stands_for_itself(location: str, where: str) -> None:
    assert resolved(HERE, location) == where


@pytest.mark.parametrize(
    "location",
    ["http://caf\xe9.example/", "http://user@b.example/", "http://u:p@b.example/", "mailto:a@b", "a\u1234"],
)
def test_what_leads_nowhere_for_us_is_refused(location: str) -> None:
    with pytest.raises(UnreadableUrl):
        resolved(HERE, location)


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_whatever_comes_out_is_plain_and_means_the_same_when_read_again(location: str) -> None:
    try:
        where = resolved(HERE, location)
    except UnreadableUrl:
        return

    assert where.isascii() and split_url(where).scheme in {"http", "https"}
    assert resolved(HERE, where) == where
