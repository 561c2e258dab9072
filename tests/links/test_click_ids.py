"""The id of a click names its link to us, and to nobody who makes ids up."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from contentflow.core.ids import BASE62, base62, is_id, new_id, random_text
from contentflow.links import services
from contentflow.links.click_ids import code_in, key_of, new_click_id
from tests.links.visitors import click_id, clicks, link_of, visit

OLD, NEW = key_of("the key of before"), key_of("the key of now")


def test_an_id_names_its_link_under_any_key_that_is_still_listed() -> None:
    made = new_click_id("Ab3dE9x", OLD)

    assert is_id(made)
    assert code_in(made, [NEW, OLD]) == "Ab3dE9x"
    assert code_in(made, [NEW]) is None


def test_an_id_of_before_names_its_link_still() -> None:
    assert code_in("Ab3dE9xq7f2LsK90TUESsE", [key_of("the key of before")]) == "Ab3dE9x"


def test_the_id_of_a_click_that_is_nobodys_names_no_link() -> None:
    assert {code_in(new_click_id("Ab3dE9x", NEW, is_attributed=False), [NEW]) for _ in range(50)} == {None}


def test_no_two_ids_are_the_same() -> None:
    assert len({new_click_id("Ab3dE9x", NEW) for _ in range(20_000)}) == 20_000


def test_the_clicks_of_a_link_stand_together_by_their_second(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1_800_000_000.1, 1_800_000_000.9, 1_800_000_001.0])
    monkeypatch.setattr("time.time", lambda: next(seconds))
    first, same, next_one = (new_click_id("Ab3dE9x", NEW)[:9] for _ in range(3))

    assert first == same < next_one


def test_a_forked_process_draws_other_text() -> None:
    random_text(8)  # Much is drawn ahead by now.
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.write(writable, "".join(random_text(8) for _ in range(300)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    drawn = os.read(readable, 300 * 8).decode()
    theirs = {drawn[place : place + 8] for place in range(0, len(drawn), 8)}
    for end in (readable, writable):
        os.close(end)

    assert len(theirs) == 300
    assert theirs.isdisjoint({random_text(8) for _ in range(600)})


@pytest.mark.parametrize("length", [0, 1, 7, 12, 22])
def test_random_text_is_as_long_as_asked_and_of_all_digits_alike(length: int) -> None:
    drawn = [random_text(length) for _ in range(6_200)]
    assert {len(text) for text in drawn} == {length}

    found = Counter("".join(drawn))
    assert length == 0 or sorted(found) == sorted(BASE62)
    # Six standard deviations: of what each digit comes to on the average.
    assert all(abs(times - 100 * length) < 6 * (100 * length) ** 0.5 for times in found.values())


@given(st.integers(0, 21), st.sampled_from(BASE62))
def test_an_id_with_another_letter_names_no_link(place: int, letter: str) -> None:
    made = new_click_id("Ab3dE9x", NEW)
    other = made[:place] + letter + made[place + 1 :]

    assert code_in(other, [NEW]) in ({"Ab3dE9x"} if other == made else {None})


@given(st.one_of(st.text(max_size=30), st.builds(new_id)))
def test_other_text_names_no_link(text: str) -> None:
    assert code_in(text, [NEW]) is None


@given(st.integers(0, 62**9), st.integers(0, 9))
def test_digits_are_those_of_base_62(number: int, length: int) -> None:
    value = 0
    for digit in base62(number, length):
        value = value * 62 + BASE62.index(digit)

    assert len(base62(number, length)) == length
    assert value == number % 62**length


def test_a_click_that_still_waits_names_its_link(unfolded: None, app: Flask, alices_post: Any) -> None:
    known = visit(app, f"/l/{link_of(alices_post).code}")
    nobodys = visit(app, f"/l/{alices_post.asset_id}")

    assert services.code_of_click(click_id(known)) == link_of(alices_post).code
    assert services.code_of_click(click_id(nobodys)) is None
    assert sorted(click.id for click in clicks()) == sorted([click_id(known), click_id(nobodys)])
