"""An offer's URL with its places, and what visitors get of it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.offers import template_url
from contentflow.offers.template_url import (
    MAX_LENGTH,
    PLACEHOLDERS,
    TemplateProblem,
    WrongTemplate,
    check_template,
    fill,
)

VALUES = {"click_id": "CLICK", "partner_id": "PARTNER", "submission_id": "POST", "channel": "x"}


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/p?c={click_id}&p={partner_id}&s={submission_id}&k={channel}",
        "HTTPS://shop.example/{channel}/{channel}#{click_id}",
        "https://shop.example:8443/",
        "https://école.fr/é?ü=1",
        "https://例え.jp/",
        "https://127.0.0.1/",
        "https://[2001:db8::1]/",
        "https://a_b.example/100%",
    ],
)
def test_an_offers_url_is_kept_as_it_is(url: str) -> None:
    assert check_template(f" \u200e{url}\u00a0\n") == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://shop.example/", TemplateProblem.SCHEME),
        ("javascript:alert(1)", TemplateProblem.SCHEME),
        ("//shop.example/", TemplateProblem.SCHEME),
        ("shop.example", TemplateProblem.SCHEME),
        ("", TemplateProblem.SCHEME),
        ("https:///path", TemplateProblem.HOST),
        ("https://", TemplateProblem.HOST),
        ("https://?a=1", TemplateProblem.HOST),
        ("https://a..b/", TemplateProblem.HOST),
        ("https://-a.fr/", TemplateProblem.HOST),
        ("https://a,b.fr/", TemplateProblem.HOST),
        ("https://%61.fr/", TemplateProblem.HOST),
        ("https://straße.de/", TemplateProblem.HOST),
        ("https://" + "é" * 80 + ".fr/", TemplateProblem.HOST),
        ("https://alice:secret@shop.example/", TemplateProblem.CREDENTIALS),
        ("https://shop.example@evil.example/", TemplateProblem.CREDENTIALS),
        ("https://shop.example:0/", TemplateProblem.PORT),
        ("https://shop.example:70000/", TemplateProblem.PORT),
        ("https://shop.example:x/", TemplateProblem.PORT),
        ("https://shop.example/?c={clickid}", TemplateProblem.BRACES),
        ("https://shop.example/?c={CLICK_ID}", TemplateProblem.BRACES),
        ("https://shop.example/?c={}", TemplateProblem.BRACES),
        ("https://shop.example/?c={click_id", TemplateProblem.BRACES),
        ("https://shop.example/?c=click_id}", TemplateProblem.BRACES),
        ("https://shop.example/?c={{click_id}}", TemplateProblem.BRACES),
        ("https://shop.example/?c={click_id.__class__}", TemplateProblem.BRACES),
        ("https://shop.example/?c={ click_id }", TemplateProblem.BRACES),
        ("https://{channel}.shop.example/", TemplateProblem.BRACES_IN_HOST),
        ("https://shop.example\\@evil.example/", TemplateProblem.UNREADABLE),
        ("https://shop.example/\r\nSet-Cookie: a=1", TemplateProblem.UNREADABLE),
        ("https://shop.example/a b", TemplateProblem.UNREADABLE),
        ("https://shop.example/\x00", TemplateProblem.UNREADABLE),
        ("https://[::1/", TemplateProblem.UNREADABLE),
        ("https://shop.example/" + "a" * MAX_LENGTH, TemplateProblem.TOO_LONG),
    ],
)
def test_another_url_is_refused_with_its_reason(url: str, reason: TemplateProblem) -> None:
    with pytest.raises(WrongTemplate) as refused:
        check_template(url)

    assert refused.value.reason is reason


def test_a_refusal_says_what_is_accepted() -> None:
    assert "{click_id}" in str(WrongTemplate.message)


def test_every_place_is_filled_as_often_as_it_stands_there() -> None:
    url = "https://shop.example/{channel}/{channel}?c={click_id}&p={partner_id}&s={submission_id}"

    assert fill(url, **VALUES) == "https://shop.example/x/x?c=CLICK&p=PARTNER&s=POST"


def test_a_value_is_encoded_whole_and_never_filled_again() -> None:
    values = {**VALUES, "click_id": "a&b=é/?#{channel} +%"}

    filled = fill("https://shop.example/?c={click_id}&k={channel}", **values)

    assert filled == "https://shop.example/?c=a%26b%3D%C3%A9%2F%3F%23%7Bchannel%7D%20%2B%25&k=x"


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("https://École.fr:8443/é?ü=ö#à", "https://xn--cole-9oa.fr:8443/%C3%A9?%C3%BC=%C3%B6#%C3%A0"),
        ("https://shop.example/a%20b?x=%7B1%7D&y=100%", "https://shop.example/a%20b?x=%7B1%7D&y=100%"),
        ('https://shop.example/a|b"c<d>', "https://shop.example/a%7Cb%22c%3Cd%3E"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://shop.example?a[]=1;b=(2)", "https://shop.example?a[]=1;b=(2)"),
    ],
)
def test_a_visitor_is_sent_to_a_url_in_ascii(url: str, filled: str) -> None:
    assert fill(check_template(url), **VALUES) == filled


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_filled_value_comes_out_as_it_went_in(value: str) -> None:
    filled = fill("https://shop.example/?c={click_id}&end=1", **{**VALUES, "click_id": value})

    assert filled.isascii() and filled.isprintable()
    assert parse_qs(urlsplit(filled).query, keep_blank_values=True) == {"c": [value], "end": ["1"]}


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_whatever_is_accepted_can_be_filled(text: str) -> None:
    try:
        url = check_template(f"https://shop.example{text}")
    except WrongTemplate:
        return
    filled = fill(url, **VALUES)

    assert filled.isascii() and filled.isprintable() and " " not in filled


PIECES = st.one_of(
    st.sampled_from([f"{{{name}}}" for name in PLACEHOLDERS]),
    st.sampled_from(
        ["/", "?", "#", "&", "=", ";", "//", "..", "100%", "%20", "%7B", "é", "例", "|", "0", "a"]
    ),
)


@given(st.lists(PIECES, max_size=12), st.lists(st.text("aé0/?#&%{} ", min_size=1, max_size=5), min_size=4))
@settings(max_examples=300, deadline=None)
def test_what_is_known_of_a_template_fills_it_as_if_nothing_were(
    pieces: list[str], given_values: list[str]
) -> None:
    url = "https://École.fr/" + "".join(pieces)
    values = dict(zip(PLACEHOLDERS, given_values, strict=False))

    assert fill(url, **values) == template_url._filled(url, values)
