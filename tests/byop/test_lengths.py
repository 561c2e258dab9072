"""How long each network finds a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.byop.lengths import (
    LIMITS,
    bluesky_length,
    threads_length,
    utf16_length,
    x_length,
)
from contentflow.core.graphemes import graphemes
from contentflow.links.channels import CHANNELS
from tests.house import working_at_most


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Bonjour, été !", 14),
        ("e\u0301", 1),
        ("日本語", 6),
        ("한국어", 6),
        ("Привет", 6),
        ("مرحبا", 5),
        ("“‘–’”", 5),
        ("→", 2),
        ("…", 2),
        ("€", 2),
        ("🎬", 2),
        ("👨‍👩‍👧‍👦", 2),
        ("👍🏽", 2),
        ("🇫🇷", 2),
        ("🇫🇷🇧🇪", 4),
        ("1️⃣", 2),
        ("❤️", 2),
        ("❤", 2),
        ("©️", 2),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 2),
        ("a\n\nb", 4),
    ],
)
def test_x_weighs_letters_and_emoji(text: str, length: int) -> None:
    assert x_length(text) == length


@pytest.mark.parametrize(
    "link",
    [
        "https://share.example.org/l/Ab3dE9x",
        "http://a.fr",
        "https://example.com/" + "a" * 200,
        "example.com",
        "x.co",
        "sub.example.org/chemin?a=1#b",
        "http://127.0.0.1:8000/l/Ab3dE9x",
        "HTTPS://EXAMPLE.COM",
        "école.fr",
    ],
)
def test_x_weighs_every_link_23(link: str) -> None:
    assert x_length(link) == 23
    assert x_length(f"Ici {link} #ad") == 4 + 23 + 4
    assert x_length(f"({link}), {link}.") == 1 + 23 + 3 + 23 + 1


@pytest.mark.parametrize(
    "text", ["fin.Suite", "3.14", "a@example.com", "#example.com", "M. Durand", "v1.2.3", "..."]
)
def test_x_sees_no_link_where_there_is_none(text: str) -> None:
    assert x_length(text) == len(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("abc", 3),
        ("e\u0301", 1),
        ("👨‍👩‍👧‍👦", 3),
        ("🇫🇷🇧🇪", 2),
        ("👍🏽", 1),
        ("1️⃣", 1),
        ("\r\n", 1),
        ("a" * 3000, 3000),
    ],
)
def test_bluesky_counts_what_a_reader_sees(text: str, length: int) -> None:
    assert bluesky_length(text) == length


def test_bluesky_refuses_heaps_of_accents_by_their_bytes() -> None:
    assert bluesky_length("e" + "\u0301" * 2000) > 300


@pytest.mark.parametrize(("text", "length"), [("été", 3), ("🎬", 4), ("❤️", 6), ("日本", 2), ("a🎬b", 6)])
def test_threads_counts_the_bytes_of_an_emoji(text: str, length: int) -> None:
    assert threads_length(text) == length


@pytest.mark.parametrize(("text", "length"), [("été", 3), ("🎬", 2), ("𝐛", 2), ("\ud800", 1)])
def test_the_others_count_utf16(text: str, length: int) -> None:
    assert utf16_length(text) == length


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("ab", ["a", "b"]),
        ("\r\n\n", ["\r\n", "\n"]),
        ("\n\u0301", ["\n", "\u0301"]),
        ("नमस्ते", ["न", "म", "स्", "ते"]),
        ("각", ["각"]),
        ("👩‍🚀a", ["👩‍🚀", "a"]),
        ("a\u200db", ["a\u200d", "b"]),
        ("🇫🇷🇧", ["🇫🇷", "🇧"]),
    ],
)
def test_a_grapheme_is_what_a_reader_sees(text: str, clusters: list[str]) -> None:
    assert list(graphemes(text)) == clusters


@given(st.text(max_size=80) | st.text(alphabet="a\u0301\u200d\ufe0f👩🇫🏽\r\n각ᆨ", max_size=40))
@settings(max_examples=100, deadline=None)
def test_graphemes_lose_nothing(text: str) -> None:
    clusters = list(graphemes(text))

    assert "".join(clusters) == text and all(clusters)


@given(st.text(max_size=80), st.sampled_from(CHANNELS))
@settings(max_examples=100, deadline=None)
def test_every_network_counts_any_text(text: str, channel: str) -> None:
    assert LIMITS[channel].count(text) >= 0


@pytest.mark.parametrize(
    "piece", ["a.", "http://", "x.com/", "a-", "\u0301", "a@", "https://.", "a.com,", "👨‍"]
)
def test_a_long_text_is_counted_at_once(piece: str) -> None:
    text = piece * (50_000 // len(piece))

    with working_at_most(2):
        for count in (x_length, bluesky_length, threads_length, utf16_length):
            count(text)


def test_every_channel_has_its_limit() -> None:
    assert tuple(LIMITS) == CHANNELS
    assert {channel: limit.maximum for channel, limit in LIMITS.items() if limit.maximum} == {
        "whatsapp": 4096,
        "telegram": 4096,
        "x": 280,
        "linkedin": 3000,
        "threads": 500,
        "bluesky": 300,
        "mastodon": 500,
        "youtube": 5000,
        "tiktok": 2200,
        "instagram": 2200,
        "pinterest": 500,
    }
