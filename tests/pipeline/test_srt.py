"""Subtitles are read as programs really write them, and every letter of them stands where it can be seen."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.pipeline.captions import Word, group, tidy
from contentflow.pipeline.letters import pieces, width_of
from contentflow.pipeline.reasons import UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.srt import read_srt
from contentflow.pipeline.subtitles import CAPTION_FONT, ROOM, SAFE_RIGHT, SIZE, words_ass
from tests.pipeline.films import ffmpeg
from tests.pipeline.test_clip import clip, frame

ONE, TWO = "00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:04,000"


def texts(content: str | bytes) -> list[str]:
    """What is said, a caption each: words that follow each other without a pause."""
    words = tidy(read_srt(content if isinstance(content, bytes) else content.encode()), 100)
    said: list[list[Word]] = []
    for word in words:
        if said and word.start - said[-1][-1].end < 0.01:
            said[-1].append(word)
        else:
            said.append([word])
    return [" ".join(word.text for word in each) for each in said]


@pytest.mark.parametrize(
    "content",
    [
        f"1\n{ONE}\nVoilà l’été\n\n2\n{TWO}\nÀ bientôt\n",
        f"1\n{ONE}\nVoilà l’été\n2\n{TWO}\nÀ bientôt",
        f"{ONE}\nVoilà l’été\n{TWO}\nÀ bientôt\n",
        f"1\r\r\n{ONE}\r\r\nVoilà l’été\r\r\n\r\r\n2\r\r\n{TWO}\r\r\nÀ bientôt\r\r\n",
        f"1\r{ONE}\rVoilà l’été\r\r2\r{TWO}\rÀ bientôt\r",
        f"\ufeff\ufeff1\n{ONE}\n\n\nVoilà\n\nl’été\n \t\n\n2\n\n{TWO}\nÀ bientôt\n",
        f"1 {ONE}\nVoilà l’été\n2 {TWO}\nÀ bientôt\n",
        f"WEBVTT\n\nNOTE a\n\n{ONE} line:1%\n<c.gold>Voilà</c> l’été\n\nNOTE 3\nrien\n\n{TWO}\nÀ bientôt\n",
        "1\n0:0:1 --> 0:0:2\nVoilà l’été\n\n2\n00:03.5 -> 00:04\nÀ bientôt\n",
        "1\n00: 00: 01, 000 --> 00: 00: 02, 000\nVoilà l’été\n2\n00:00:03.000 –> 00:00:04.00\nÀ bientôt\n",
        f"1\n{ONE.replace('>', '&gt;')}\nVoilà l&rsquo;&#233;t&eacute;\n\n2\n{TWO}\n&Agrave; bient&ocirc;t\n",
        "1\n00:00:01,0909999999999 --> 00:00:02,9\nVoilà l’été\n2\n00:00:03;000 → 00:00:04'5\nÀ bientôt\n",
        f"\u202a1\n\u202a{ONE}\u202c\nVoilà l’été\n\n\u200e2\n{TWO.replace(' ', chr(0xA0))}\nÀ bientôt\n",
    ],
)
def test_captions_are_read_by_their_time_lines(content: str):
    assert texts(content) == ["Voilà l’été", "À bientôt"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_captions_are_read_in_the_encodings_of_windows(encoding: str):
    assert texts(f"1\r\n{ONE}\r\nVoilà l’été\r\n".encode(encoding)) == ["Voilà l’été"]
    assert texts(b"\xfe\xff" + f"1\r\n{ONE}\r\nVoilà\r\n".encode("utf-16-be")) == ["Voilà"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("L&#39;été &amp; l&apos;hiver", "L'été & l'hiver"),
        ("L&amp;#39;été", "L'été"),
        ("AT&T, R&D; Q&A", "AT&T, R&D; Q&A"),
        ("entre < 10 et > 5 euros", "entre < 10 et > 5 euros"),
        ("a<b et c>d <3", "a<b et c>d <3"),
        ("<i>Déjà</i> <font color='#fff'>vu</font><br/>fin", "Déjà vu fin"),
        (r"{\an8}en haut {ici}", "en haut {ici}"),
        ("Salut 👩‍💻 ❤️‍🔥", "Salut 👩‍💻 ❤️‍🔥"),
        ("می‌خواهم", "می‌خواهم"),
        ("\u202bمرحبا بكم\u202c", "مرحبا بكم"),
        ("Rendez-vous de 10:00:00,000 à 11:00:00,000", "Rendez-vous de 10:00:00,000 à 11:00:00,000"),
        ("1.567.202.", "1.567.202."),
    ],
)
def test_a_text_is_what_was_meant(text: str, said: str):
    assert texts(f"1\n{ONE}\n{text}\n\n2\n{TWO}\nfin\n")[0] == said


def test_a_number_alone_may_be_what_is_said():
    assert texts(f"1\n{ONE}\n20\n\n2\n{TWO}\n21\n") == ["20", "21"]
    assert texts(f"{ONE}\n20\n{TWO}\n21\n") == ["20", "21"]


def test_a_caption_without_words_shows_nothing_of_the_next():
    assert texts(f"1\n{ONE}\n2\n{TWO}\nfin\n") == ["fin"]
    assert texts(f"1\n00:00:00,00 --> 00:00:00,00\n\n2\n{TWO}\nfin\n") == ["fin"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("00:00:01,000 --> 00:00:04,000", "00:00:02,000 --> 00:00:05,000"),
        ("00:00:01,000 --> 00:00:04,000", "00:00:01,000 --> 00:00:04,000"),
        ("00:00:01,000 --> 00:00:09,000", "00:00:02,000 --> 00:00:03,000"),
    ],
    ids=["later", "at once", "within"],
)
def test_captions_at_one_time_come_one_after_the_other(first: str, second: str):
    words = read_srt(f"1\n{first}\nun deux trois\n\n2\n{second}\nquatre cinq six\n".encode())

    assert [word.text for word in words] == ["un", "deux", "trois", "quatre", "cinq", "six"]
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(words))
    assert [word.text for word in tidy(words, 10)] == [word.text for word in words]


def test_a_caption_that_ends_before_it_begins_is_read_nonetheless():
    [word] = read_srt(b"1\n00:00:05,000 --> 00:00:01,000\nmot\n")

    assert (word.start, word.end) == (5.0, 7.0)


@given(st.binary(max_size=400))
def test_whatever_bytes_are_sent_are_read_or_refused(content: bytes):
    try:
        words = read_srt(content)
    except UnprocessableMedia:
        return
    assert words


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 9), st.integers(1, 5)), min_size=1, max_size=12))
def test_all_words_of_all_captions_stay_in_turn(captions: list[tuple[float, float, int]]):
    def clock(seconds: float) -> str:
        return f"00:00:{seconds:06.3f}".replace(".", ",")

    content = "".join(
        f"{number}\n{clock(start)} --> {clock(start + length)}\n{f'{number}a ' * count}\n"
        for number, (start, length, count) in enumerate(captions)
    )

    words = read_srt(content.encode())

    assert len(words) == sum(count for _, _, count in captions)
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(words))
    order = [word.text for word in words]
    assert len([1 for a, b in pairwise(order) if a != b]) == len(set(order)) - 1


@given(st.text(min_size=1, max_size=60))
def test_no_piece_of_a_word_is_wider_than_the_screen_has_room_for(word: str):
    made = pieces(word, CAPTION_FONT, ROOM / SIZE)

    assert "".join(made) == word
    assert all(width_of(piece, CAPTION_FONT) * SIZE <= ROOM or len(piece) < 3 for piece in made)


def test_a_word_is_broken_after_its_signs_and_never_within_an_emoji():
    assert pieces("www.mon-programme.fr/offre", CAPTION_FONT, 5) == ["www.mon-", "programme", ".fr/offre"]
    assert all(piece.count("👩‍💻") * 3 == len(piece) for piece in pieces("👩‍💻" * 9, CAPTION_FONT, 5))


def test_a_line_runs_as_its_script_does():
    styles = [line for line in words_ass("Publicité", 1, []).splitlines() if line.startswith("Style:")]

    assert all(line.endswith(",-1") for line in styles)


LONG = [
    "www.mon-programme-exemple.fr/offre-de-noel",
    "#VenteFlashPromoExceptionnelle2026",
    "W" * 60,
    "anticonstitutionnellement-anticonstitutionnellement",
]


@pytest.mark.proof
def test_every_letter_of_a_long_word_is_within_the_safe_zone(tmp_path: Path):
    dark = tmp_path / "dark.mp4"
    ffmpeg("-f", "lavfi", "-i", f"color=black:s=180x320:r=5:d={len(LONG)}", "-pix_fmt", "yuv420p", str(dark))
    words = tuple((float(second), second + 1.0, word) for second, word in enumerate(LONG))

    made, _ = clip(dark, tmp_path / "work", RenderOptions(subtitles=words))

    for second, word in enumerate(LONG):
        picture = frame(made, second + 0.5, tmp_path)
        lit = picture.max(axis=2) > 60
        lit[:390] = False  # The mention.
        rows, columns = np.nonzero(lit)
        assert columns.min() >= SAFE_RIGHT, word
        assert columns.max() < 1080 - SAFE_RIGHT, word
        assert rows.max() < 1920 - 672, word
        drawn = sum(width_of(piece, CAPTION_FONT) for piece in pieces(word, CAPTION_FONT, ROOM / SIZE)) * SIZE
        assert lit.sum() > 12 * drawn, word


def test_the_words_of_a_file_of_long_words_are_all_shown():
    cues = group(tidy(read_srt(f"1\n{ONE}\n{LONG[0]} {LONG[1]}\n".encode()), 10))

    shown = words_ass("Publicité", 10, cues).replace(r"\N", "")
    assert LONG[0] in shown
    assert LONG[1] in shown
