"""Links that open the networks with the text in them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.sharekit.intents import INTENT_CHANNELS, intent_url

URL = "https://share.example.org/l/Ab3dE9x"
QUOTED_URL = "https%3A%2F%2Fshare.example.org%2Fl%2FAb3dE9x"
WITH_LINK = f"Publicité\nTitre 1 & 2\n\nIci + {URL} #ia #ad"
WITHOUT_LINK = "Publicité\nTitre 1 & 2\n\nIci + #ia #ad"
QUOTED_START = "Publicit%C3%A9%0ATitre%201%20%26%202%0A%0AIci%20%2B%20"
QUOTED_WITH = f"{QUOTED_START}{QUOTED_URL}%20%23ia%20%23ad"
QUOTED_WITHOUT = f"{QUOTED_START}%23ia%20%23ad"


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("whatsapp", f"https://wa.me/?text={QUOTED_WITH}"),
        ("telegram", f"https://t.me/share/url?url={QUOTED_URL}&text={QUOTED_WITHOUT}"),
        ("x", f"https://x.com/intent/post?text={QUOTED_WITHOUT}&url={QUOTED_URL}"),
        ("linkedin", f"https://www.linkedin.com/feed/?shareActive=true&text={QUOTED_WITH}"),
        ("facebook", f"https://www.facebook.com/sharer/sharer.php?u={QUOTED_URL}"),
        ("threads", f"https://www.threads.net/intent/post?text={QUOTED_WITH}"),
        ("bluesky", f"https://bsky.app/intent/compose?text={QUOTED_WITH}"),
    ],
)
def test_each_network_gets_text_and_link_as_it_wants_them(channel: str, expected: str) -> None:
    assert intent_url(channel, WITH_LINK, WITHOUT_LINK, URL) == expected


@pytest.mark.parametrize("channel", INTENT_CHANNELS)
def test_the_link_stands_once(channel: str) -> None:
    assert intent_url(channel, WITH_LINK, WITHOUT_LINK, URL).count("Ab3dE9x") == 1


@pytest.mark.parametrize("channel", [*sorted(set(CHANNELS) - set(INTENT_CHANNELS)), DIRECT, "", "myspace"])
def test_a_channel_without_an_app_has_no_intent(channel: str) -> None:
    with pytest.raises(KeyError):
        intent_url(channel, WITH_LINK, WITHOUT_LINK, URL)


def test_the_channels_are_a_closed_list() -> None:
    assert " ".join(CHANNELS) == (
        "whatsapp telegram x linkedin facebook threads bluesky copy email native qr "
        "mastodon youtube tiktok instagram pinterest"
    )
    assert DIRECT not in CHANNELS and set(INTENT_CHANNELS) < set(CHANNELS)


@given(st.text(max_size=60), st.sampled_from(INTENT_CHANNELS))
@settings(max_examples=100, deadline=None)
def test_any_text_arrives_whole_and_nothing_of_it_becomes_url(text: str, channel: str) -> None:
    intent = intent_url(channel, text, text, URL)

    query = parse_qs(urlsplit(intent).query, keep_blank_values=True)
    assert intent.isascii() and "+" not in intent
    assert query.get("text", [text])[0] == text.encode(errors="replace").decode()
    assert set(query) <= {"text", "url", "u", "shareActive"}


def test_braces_in_the_words_are_no_place_for_anything() -> None:
    assert intent_url("whatsapp", "{url} %s", "", URL) == "https://wa.me/?text=%7Burl%7D%20%25s"
