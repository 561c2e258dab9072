"""Marks that nobody sees: what a value, and what words, keep of them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow import invisibles

SEEN_IN_WORDS = [
    "👩\u200d💻",
    "❤️\u200d🔥",
    "می\u200cخواهم",
    "étudiant·e·s",
    "10\u00a0€",
    "🏴\U000e0067\U000e007f",
]


@pytest.mark.parametrize(
    "mark", [chr(number) for number in (0xAD, 0xA0, 0x200B, 0x200E, 0x202A, 0x202E, 0xFEFF)]
)
def test_a_value_holds_no_mark_anywhere(mark: str) -> None:
    assert invisibles.strip_value(f"{mark} {mark}https://ex.fr/{mark}é{mark}a {mark}") == "https://ex.fr/éa"


def test_a_value_keeps_the_joiners_between_letters_that_are_spelt_with_them() -> None:
    assert (
        invisibles.strip_value("https://fa.example/می\u200cخواهم\u200d") == "https://fa.example/می\u200cخواهم"
    )


@pytest.mark.parametrize("words", SEEN_IN_WORDS)
def test_words_lose_marks_at_their_edges_alone(words: str) -> None:
    assert invisibles.trim(f"\u200b\u202a {words}\u202c\u00a0\ufeff") == words


@given(st.text())
def test_every_format_character_is_a_mark_and_nothing_seen_is(text: str) -> None:
    joiners = (*invisibles.JOINERS, "\u200c")
    for letter in invisibles.strip_value(text):
        category = unicodedata.category(letter)
        assert category != "Cf" or letter in joiners or 0x600 <= ord(letter) <= 0x8FF or ord(letter) > 0xFFFF
    assert invisibles.trim(invisibles.trim(text)) == invisibles.trim(text)
