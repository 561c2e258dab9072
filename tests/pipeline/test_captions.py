"""Words with their times become captions, and corrected words keep those times."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.pipeline.captions import Word, group, retime, shifted, srt, tidy, vtt
from contentflow.pipeline.reasons import UnprocessableMedia
from contentflow.pipeline.srt import read_srt
from contentflow.pipeline.subtitles import disclosure_ass, words_ass
from contentflow.pipeline.transcribe_script import whole_words


def said(text: str, pace: float = 0.3) -> list[Word]:
    return [Word(i * pace, (i + 1) * pace, word) for i, word in enumerate(text.split())]


def shown(text: str) -> list[str]:
    return [cue.text for cue in group(said(text))]


def test_words_come_in_groups_of_two_to_four():
    cues = shown("voici comment je gagne une heure par jour avec cet outil")

    assert cues == ["voici comment je gagne", "une heure par jour", "avec cet outil"]


def test_a_last_word_is_not_left_alone():
    assert shown("un deux trois quatre cinq") == ["un deux trois", "quatre cinq"]


def test_the_end_of_a_sentence_and_a_pause_begin_anew():
    words = [*said("Bonjour Alice. Ça va"), Word(4.0, 4.3, "bien"), Word(4.3, 4.6, "merci")]

    assert [cue.text for cue in group(words)] == ["Bonjour Alice.", "Ça va", "bien merci"]


def test_a_caption_ends_where_the_next_begins():
    cues = group(said("un deux trois quatre cinq six sept huit"))

    assert cues[0].end == cues[1].start


def test_srt_and_vtt_say_when_and_what():
    cues = group([Word(0.0, 0.5, "a<b"), Word(0.5, 3661.25, "--> fin")])

    assert srt(cues) == "1\n00:00:00,000 --> 01:01:01,600\na<b → fin\n"
    assert vtt(cues) == "WEBVTT\n\n00:00:00.000 --> 01:01:01.600\na&lt;b --&gt; fin\n"


def test_the_spoken_word_is_gold_while_it_is_said():
    lines = [
        line
        for line in words_ass("Publicité", 5, group(said("bonjour toi"))).splitlines()
        if ",Captions," in line
    ]

    assert r"{\1c&H2BB7FF&}bonjour{\1c&HFFFFFF&} toi" in lines[0]
    assert r"bonjour {\1c&H2BB7FF&}toi" in lines[1]


@pytest.mark.parametrize("evil", [r"{\fs999}boo", r"\Nboo", "boo\nDialogue: 0,", "{boo"])
def test_no_word_becomes_a_command_of_the_subtitles(evil: str):
    spoken, mention = words_ass("Publicité", 5, group([Word(0, 1, evil)])), disclosure_ass(evil, 5)
    for script, before in ((spoken, 1), (mention, 0)):
        [line] = [line for line in script.splitlines() if line.startswith("Dialogue")][before:]
        text = line.split(",,0,0,0,,")[1].replace(r"{\1c&H2BB7FF&}", "").replace(r"{\1c&HFFFFFF&}", "")
        assert not set(text) & set("{}\\")


def test_corrected_words_keep_the_times_of_those_they_replace():
    words = said("voici comment je gagne une œuvre par jour")

    corrected = retime(words, "Voici comment je gagne une heure par jour", 10)

    assert [(word.start, word.end) for word in corrected] == [
        (round(word.start, 3), round(word.end, 3)) for word in words
    ]
    assert corrected[5].text == "heure"


def test_added_words_share_the_time_there_is():
    words = said("bonjour le monde", pace=1.0)

    corrected = retime(words, "bonjour à tout le monde", 10)

    assert [word.text for word in corrected] == ["bonjour", "à", "tout", "le", "monde"]
    assert corrected[-1].end == 3.0
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(corrected))


def test_all_words_taken_away_are_no_captions():
    assert retime(said("bonjour le monde"), "", 10) == []


@given(st.lists(st.text(max_size=8), max_size=12), st.lists(st.text(max_size=8), max_size=12))
def test_whatever_is_typed_the_words_stay_in_order_and_within_the_clip(heard: list[str], typed: list[str]):
    words = tidy(said(" ".join(heard)), 5.0)

    corrected = retime(words, " ".join(typed), 5.0)

    assert all(0 <= word.start < word.end <= 5.0 for word in corrected)
    assert all(a.end <= b.start for a, b in pairwise(corrected))


def test_an_uploaded_srt_is_read_with_its_marks_and_its_encoding():
    content = (
        "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Déjà vu</i>\r\n\r\n"
        "2\r\n00:00:03.500 --> 00:00:04.000\r\n{\\an8}fin\r\n"
    )

    words = read_srt(content.encode("cp1252"))

    assert [word.text for word in words] == ["Déjà", "vu", "fin"]
    assert (words[0].start, words[1].end, words[2].start) == (1.0, 2.0, 3.5)
    assert read_srt(content.encode("utf-8-sig")) == words


def test_captions_of_a_part_begin_at_its_beginning():
    words = read_srt(b"1\n00:00:10,000 --> 00:00:12,000\nun deux\n")

    assert shifted(words, 10.0, 5.0)[0].start == 0.0
    assert shifted(words, 20.0, 5.0) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"x" * 600_000, b"\xff\xfe1\x00"])
def test_what_is_no_srt_is_refused(content: bytes):
    with pytest.raises(UnprocessableMedia):
        read_srt(content)


def test_what_the_model_cuts_within_a_word_is_joined():
    assert whole_words([(0, 1, " l"), (1, 2, "'arbre"), (2, 3, " vert")]) == [
        (0, 2, "l'arbre"),
        (2, 3, "vert"),
    ]
