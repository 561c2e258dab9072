"""What chats, mail programs and people glue to a link leads where the link leads, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from contentflow.core.db import transaction
from contentflow.core.ids import BASE62
from contentflow.links import services
from contentflow.links.link_cache import without_tail
from tests.links.visitors import clicks, link_of, verdicts, visit

MARKS = "….,;:!?)]}>»”’'\"`*_~|/=&#<%\\。、」）"
UNSEEN = " \t\n\u00a0\u202f\u200b\u200d\u200e\u2060\ufeff\u00ad\ufe0f\x00"
SEVERAL = [
    "...",
    ").",
    ")]",
    ")](",
    "**",
    "__",
    "~~",
    "/)",
    "/.",
    "\\n",
    "\r\n",
    "<br>",
    " »",
    "%20",
    "%E2%80%8B",
]
WORDS = [
    "&utm_source=x",
    "&fbclid=IwAR0-x_y",
    ";utm_source=x",
    "?utm_source=x",
    " Regarde",
    ".Regarde",
    " #ad",
]
TAILS = [*MARKS, *UNSEEN, *SEVERAL, *WORDS, "👉", "👉🏽", "❤️", "é", "は便利", "٣"]
# Of these nobody can say that the link was meant.
OTHERS = [
    "a",
    "0",
    "Z",
    "abc",
    "0000000",
    "/a",
    "/clip.mp4",
    "/../legal",
    "//legal",
    ".a/b",
    " /b",
    "/%2e%2e/b",
]


@pytest.mark.parametrize("tail", TAILS)
def test_what_is_glued_to_a_link_leads_there_still(app: Flask, alices_post: Any, tail: str) -> None:
    code = link_of(alices_post).code

    answer, page = visit(app, f"/l/{code}{quote(tail)}"), visit(app, f"/p/{code}{quote(tail)}")

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"https://nova.example.com/?c={clicks()[0].id}"
    assert (page.status_code, page.headers["X-Robots-Tag"]) == (200, "noindex")
    assert verdicts() == ["valid"]


@pytest.mark.parametrize(
    "glued",
    ["&utm_source=x", ".", ")", "*", "_", "%20", "%E2%80%8B", "%C2%A0", "%C2", "%E2%80", "%FF", "//", "/"],
)
def test_what_no_quoting_library_would_write_leads_there_too(
    app: Flask, alices_post: Any, glued: str
) -> None:
    path = f"/l/{link_of(alices_post).code}{glued}"

    answer = visit(app, path)
    if answer.status_code == 308:  # Werkzeug merges slashes first.
        answer = visit(app, answer.headers["Location"])

    assert answer.status_code == 302
    assert verdicts() == ["valid"]


@pytest.mark.parametrize("tail", OTHERS)
def test_another_address_is_not_taken_for_a_link(app: Flask, alices_post: Any, tail: str) -> None:
    code = link_of(alices_post).code

    for place in ("/l/", "/p/"):
        answer = visit(app, f"{place}{code}{tail}")
        if answer.status_code == 308:
            answer = visit(app, answer.headers["Location"])
        assert answer.status_code == 404, place

    assert clicks() == []


def test_a_code_is_exact_to_the_letter_with_a_tail_too(app: Flask, alices_post: Any) -> None:
    code = link_of(alices_post).code
    wrong = [
        code.swapcase(),
        code[:-1],
        code[1:],
        f"({code}",
        f".{code}",
        f" {code}",
        code[:3] + "." + code[3:],
    ]

    assert {visit(app, f"/l/{quote(name)}.").status_code for name in wrong if name != code} == {404}


@pytest.mark.parametrize("place", ["/l/", "/p/"])
def test_unknown_codes_with_tails_are_counted_and_known_ones_cost_nothing(
    make_app: Callable[..., Flask], alices_post: Any, place: str
) -> None:
    app, code = make_app(UNKNOWN_CODE_PER_MINUTE="3"), link_of(alices_post).code
    guesses = ["0000000.", "0000001/x", "0000002%20", "0000003)", "0000004/a/b"]

    statuses = [visit(app, f"{place}{guess}").status_code for guess in guesses]

    assert statuses == [404, 404, 404, 429, 429]
    assert visit(app, f"{place}{code}.").status_code in {200, 302}


def test_a_withdrawn_link_stays_withdrawn_with_a_tail(app: Flask, alices_post: Any) -> None:
    with transaction():
        services.disable_links(alices_post.id)

    for place in ("/l/", "/p/"):
        assert visit(app, f"{place}{link_of(alices_post).code}).").status_code == 410


def test_a_preview_is_drawn_for_a_link_with_a_tail(app: Flask, alices_post: Any) -> None:
    code = link_of(alices_post).code

    card = visit(app, f"/l/{code})", "WhatsApp/2.23.20.0")

    assert (card.status_code, verdicts()) == (200, ["preview_bot"])
    assert f'content="https://share.example.org/l/{code}"' in card.text


@pytest.mark.parametrize("tail", [".", ")", "»", "\u200b", "&utm_source=x"])
def test_the_old_form_credits_its_pair_with_a_tail(app: Flask, alices_post: Any, tail: str) -> None:
    pid = alices_post.partner_id

    in_query = visit(app, f"/l/{alices_post.asset_id}?pid={pid}{quote(tail, safe='&')}")
    in_path = visit(app, f"/l/{alices_post.asset_id}{quote(tail)}?pid={pid}", ip="203.0.113.78")
    other = visit(app, f"/l/{alices_post.asset_id}?pid={pid}x{quote(tail)}", ip="203.0.113.79")

    assert {answer.status_code for answer in (in_query, in_path, other)} == {302}
    assert [click.partner_id for click in clicks()] == [pid, pid, None]


def test_the_files_of_a_public_page_have_no_tail(app: Flask, alices_post: Any) -> None:
    for name in ("clip.mp4", "poster.jpg", "cover.jpg", "captions.vtt"):
        assert visit(app, f"/p/{link_of(alices_post).code}/{name}.").status_code == 404


@given(st.text(alphabet=BASE62, min_size=7, max_size=7), st.text(max_size=30))
def test_a_tail_never_makes_another_code(code: str, tail: str) -> None:
    assert without_tail(code + tail) in {code, code + tail}
    assert without_tail(tail) == tail or tail.startswith(without_tail(tail))


def test_a_long_tail_costs_nothing() -> None:
    for piece in (".", "/", "./", "a.", "/a"):
        without_tail("abcdefg" + piece * 50_000)
