"""Which addresses of a video are refused by their text alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.byop.source_url import MAX_LENGTH, UrlProblem, problem_of


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v.mp4",
        "https://example.com",
        "HTTPS://Example.com/a?b=c#d",
        "http://example.com:80/v",
        "https://example.com:443/v",
        "http://example.com:443",
        "http://example.com:/v",
        "https://8.8.8.8/v.mp4",
        "https://[2001:4860:4860::8888]/v",
        "https://vidéo.example/é.mp4",
        "https://example.com/@alice",
        "https://a_b.example.com/v",
        "https://example.com/?u=http://127.0.0.1/",
    ],
)
def test_a_video_on_the_web_may_be_fetched(url: str) -> None:
    assert problem_of(url) is None


def test_a_name_is_judged_when_it_is_fetched() -> None:
    assert problem_of("http://localhost/v.mp4") is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "127。0。0。1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00::1]",
        "[2001:db8::1]",
        "127.0.0.1:80",
    ],
)
def test_an_address_of_a_private_network_is_refused_in_every_form(host: str) -> None:
    assert problem_of(f"http://{host}/v.mp4") is UrlProblem.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("ftp://example.com/v.mp4", UrlProblem.SCHEME),
        ("file:///etc/passwd", UrlProblem.SCHEME),
        ("javascript:alert(1)", UrlProblem.SCHEME),
        ("//example.com/v", UrlProblem.SCHEME),
        ("example.com/v.mp4", UrlProblem.SCHEME),
        ("", UrlProblem.SCHEME),
        ("http:///v.mp4", UrlProblem.NO_HOST),
        ("http:example.com", UrlProblem.NO_HOST),
        ("https://", UrlProblem.NO_HOST),
        ("http://:80/", UrlProblem.NO_HOST),
        ("http://alice:secret@example.com/", UrlProblem.CREDENTIALS),
        ("http://alice@example.com/", UrlProblem.CREDENTIALS),
        ("http://@example.com/", UrlProblem.CREDENTIALS),
        ("http://example.com@127.0.0.1/", UrlProblem.CREDENTIALS),
        ("http://example.com:8080/", UrlProblem.PORT),
        ("http://example.com:22/", UrlProblem.PORT),
        ("http://example.com:0/", UrlProblem.PORT),
        ("http://example.com:99999/", UrlProblem.PORT),
        ("http://example.com:http/", UrlProblem.PORT),
        ("http://exa mple.com/", UrlProblem.UNREADABLE),
        ("http://example.com\\@127.0.0.1/", UrlProblem.UNREADABLE),
        ("http://127%2e0.0.1/", UrlProblem.UNREADABLE),
        ("http://[fe80::1%25eth0]/", UrlProblem.UNREADABLE),
        ("http://256.256.256.256/", UrlProblem.UNREADABLE),
        ("http://[::1/", UrlProblem.UNREADABLE),
        ("http://a..b/", UrlProblem.UNREADABLE),
        ("https://example.com/" + "a" * MAX_LENGTH, UrlProblem.TOO_LONG),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_its_reason(url: str, refusal: UrlProblem) -> None:
    assert problem_of(url) is refusal


@given(st.text(max_size=80), st.sampled_from(["", "http://", "https://", "http://[", "https://a.fr:"]))
@settings(max_examples=100, deadline=None)
def test_rubbish_is_refused_and_never_raises(text: str, start: str) -> None:
    assert problem_of(start + text) in {None, *UrlProblem}
