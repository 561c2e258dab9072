"""An uploaded .srt may hold any rubbish: it is read or refused, at once."""

from __future__ import annotations

import time

import pytest

from contentflow.pipeline.captions import MAX_LETTERS_OF_A_WORD, Word, retime, tidy
from contentflow.pipeline.reasons import UnprocessableMedia
from contentflow.pipeline.srt import MAX_SRT_WORDS, read_srt

TIMES = b"1\n00:00:01,000 --> 00:00:02,000\n"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"1" * 500_000,
        b"1" * 400 + b":00:00,000 --> 00:00:02,000\nmot\n",
        b"1" * 5_000 + b":00:00,000 --> 00:00:02,000\nmot\n",
        b"00:00:00,000 " * 30_000,
        TIMES + b"<" * 500_000,
        b"\n \n" * 160_000,
    ],
    ids=["digits", "late", "later", "no arrow", "brackets", "blank"],
)
def test_rubbish_is_refused_at_once(rubbish: bytes):
    began = time.monotonic()

    try:
        words = read_srt(rubbish)
    except UnprocessableMedia:
        words = []

    assert all(word.end < 1_000_000 for word in words)
    assert time.monotonic() - began < 2


def test_more_words_than_a_video_has_room_for_are_refused():
    assert len(read_srt(TIMES + b"mot " * MAX_SRT_WORDS)) == MAX_SRT_WORDS
    with pytest.raises(UnprocessableMedia):
        read_srt(TIMES + b"mot " * (MAX_SRT_WORDS + 1))


def test_a_word_without_end_is_drawn_as_far_as_a_line_goes():
    [word] = tidy([Word(0, 1, "a" * 100_000)], 60)

    assert word.text == "a" * (MAX_LETTERS_OF_A_WORD - 1) + "…"


def test_a_text_of_the_same_words_over_and_over_is_placed_at_once():
    heard = [Word(i * 0.08, i * 0.08 + 0.08, "a") for i in range(750)]
    began = time.monotonic()

    retime(heard, "a b " * 5_000, 60)

    assert time.monotonic() - began < 30
