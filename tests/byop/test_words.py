"""A partner's words become the share text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.byop.lengths import LIMITS, x_length
from contentflow.byop.words import (
    DEFAULT_CTA,
    DEFAULT_TITLE,
    Words,
    clean_line,
    clean_text,
    normalise_hashtags,
    share_text,
    with_defaults,
)
from contentflow.core.graphemes import graphemes

URL = "https://share.example.org/l/Ab3dE9x"
DISCLOSURE = "Publicité"
DEFAULTS = "#ia #tools #productivité"
WORDS = Words("Une heure gagnée", "Trois outils.", "#video #montage", "Essaye ici")


def text_of(words: Words, limit: int | None = None, is_link_apart: bool = False) -> str:
    return share_text(words, URL, DISCLOSURE, limit, default_hashtags=DEFAULTS, is_link_apart=is_link_apart)


def test_the_share_text_says_what_it_is_first() -> None:
    assert text_of(WORDS) == f"Publicité\nUne heure gagnée\n\nEssaye ici {URL} #video #montage #ad"


def test_empty_words_have_their_defaults() -> None:
    assert text_of(Words()) == (
        f"Publicité\nDécouverte utile\n\nDécouvre ici → {URL} #ia #tools #productivité #ad"
    )


@pytest.mark.parametrize("nothing", [" ", "\n", "\t\r\n", "\x00", "\u200b", "\u00a0", "\u202e", "\ufeff"])
def test_words_that_show_nothing_are_empty(nothing: str) -> None:
    assert text_of(Words(nothing, nothing, nothing, nothing)) == text_of(Words())


@pytest.mark.parametrize(
    "mark", ["\u200b", "\u200e", "\u202a", "\u202c", "\ufeff", "\u00ad", "\u00a0", "\u200d"]
)
@pytest.mark.parametrize("clean", [clean_line, clean_text])
def test_marks_nobody_sees_are_cut_around_words(mark: str, clean: Callable[[str], str]) -> None:
    assert clean(f"{mark} {mark}Bon plan{mark}\n{mark}") == "Bon plan"


@pytest.mark.parametrize(
    "words",
    [
        "👩\u200d💻 Mes outils ❤️\u200d🔥",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "❤️",
        "می\u200cخواهم",
        "10\u00a0€",
    ],
)
@pytest.mark.parametrize("clean", [clean_line, clean_text])
def test_what_joins_emoji_and_letters_stays(words: str, clean: Callable[[str], str]) -> None:
    assert clean(words) == words


def test_without_any_hashtag_no_blank_is_doubled() -> None:
    text = share_text(Words(), URL, DISCLOSURE, default_hashtags="")

    assert text == f"Publicité\nDécouverte utile\n\nDécouvre ici → {URL} #ad"


def test_a_link_apart_is_not_written() -> None:
    assert text_of(WORDS, is_link_apart=True) == (
        "Publicité\nUne heure gagnée\n\nEssaye ici #video #montage #ad"
    )


@pytest.mark.parametrize("hashtags", ["#ad #ia", "ia, AD", "#Ad#ia", "ia ad ad"])
def test_the_ad_mark_stands_once_and_last(hashtags: str) -> None:
    assert text_of(Words("T", "", hashtags, "C")) == f"Publicité\nT\n\nC {URL} #ia #ad"


def test_a_partner_who_types_only_the_ad_mark_gets_no_other_hashtag() -> None:
    assert text_of(Words("T", "", "#ad", "C")) == f"Publicité\nT\n\nC {URL} #ad"


def test_a_hashtag_that_begins_like_the_ad_mark_stays() -> None:
    assert text_of(Words("T", "", "#adobe", "C")).endswith("#adobe #ad")


@pytest.mark.parametrize(
    "title", ["100 % {title} {0} %s %(a)s", "{", "}}", "\\n <b>&amp;</b> $x", "🎬 {url}"]
)
def test_words_are_never_a_format(title: str) -> None:
    assert text_of(Words(title, "", "ia", title)) == f"Publicité\n{title}\n\n{title} {URL} #ia #ad"


def test_line_breaks_in_a_title_cannot_push_the_disclosure_away() -> None:
    words = Words("Mon titre\n\n\r\nsuite\u2028fin\x00", "", "ia", "Vas-y\n\nvite")

    assert text_of(words) == f"Publicité\nMon titre suite fin\n\nVas-y vite {URL} #ia #ad"


def test_a_title_that_repeats_the_disclosure_stays_a_title() -> None:
    assert text_of(Words("Publicité", "", "ia", "C")).startswith("Publicité\nPublicité\n\n")


def test_a_long_text_loses_its_hashtags_from_the_end() -> None:
    full = text_of(WORDS)

    assert text_of(WORDS, len(full)) == full
    assert text_of(WORDS, len(full) - 1) == full.replace(" #montage", "")
    assert text_of(WORDS, len(full) - 10) == full.replace(" #video #montage", "")


def test_then_the_cta() -> None:
    without_hashtags = f"Publicité\nUne heure gagnée\n\nEssaye ici {URL} #ad"

    assert text_of(WORDS, len(without_hashtags) - 1) == f"Publicité\nUne heure gagnée\n\n{URL} #ad"


def test_then_the_end_of_the_title() -> None:
    without_cta = f"Publicité\nUne heure gagnée\n\n{URL} #ad"

    assert text_of(WORDS, len(without_cta) - 1) == f"Publicité\nUne heure gagn…\n\n{URL} #ad"
    assert text_of(WORDS, len(without_cta) - 6) == f"Publicité\nUne heure…\n\n{URL} #ad"


def test_disclosure_link_and_ad_mark_stay_however_little_room_there_is() -> None:
    assert text_of(WORDS, 1) == f"Publicité\n…\n\n{URL} #ad"


def test_an_emoji_of_a_title_is_not_cut_in_two() -> None:
    family = "👨‍👩‍👧‍👦"
    words = Words(family * 3)
    fixed = len(f"Publicité\n…\n\n{URL} #ad")

    assert text_of(words, fixed + len(family) * 2 - 1) == f"Publicité\n{family}…\n\n{URL} #ad"


def test_a_link_apart_is_counted_though_it_is_not_written() -> None:
    limit = LIMITS["x"]
    words = Words("é" * 120, "", " ".join(f"tag{n}" for n in range(40)), "c" * 60)

    text = share_text(words, URL, DISCLOSURE, 280, limit.count, default_hashtags=DEFAULTS, is_link_apart=True)

    assert URL not in text and "#tag0" in text
    assert 270 < x_length(f"{text} {URL}") <= 280


@given(
    st.builds(Words, *[st.text(max_size=150)] * 4),
    st.sampled_from(sorted(LIMITS)),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_whatever_is_typed_the_text_fits_and_keeps_what_the_law_asks_for(
    words: Words, channel: str, is_link_apart: bool
) -> None:
    limit = LIMITS[channel]

    text = share_text(
        words,
        URL,
        DISCLOSURE,
        limit.maximum,
        limit.count,
        default_hashtags=DEFAULTS,
        is_link_apart=is_link_apart,
    )

    lines = text.split("\n")
    assert (lines[0], lines[2], len(lines)) == (DISCLOSURE, "", 4)
    assert lines[1] and text.endswith("#ad")
    assert text.count(URL) == (0 if is_link_apart else 1)
    assert limit.maximum is None or limit.count(text) <= limit.maximum
    text.encode()


@pytest.mark.parametrize(
    ("typed", "normalised"),
    [
        ("ia, #tools", "#ia #tools"),
        ("ia tools", "#ia #tools"),
        ("ia;tools\nfin\ttab", "#ia #tools #fin #tab"),
        ("#ia#tools", "#ia #tools"),
        ("##ia ＃tools，mot", "#ia #tools #mot"),
        ("IA #ia Ia", "#IA"),
        ("Été été ÉTÉ", "#Été"),
        ("e\u0301te\u0301", "#été"),
        ("productivité c'est-top !", "#productivité #cesttop"),
        ("日本語 العربية हिन्दी", "#日本語 #العربية #हिन्दी"),
        ("snake_case 2024 _ __", "#snake_case #2024"),
        ("🎬 ❤️ia 1️⃣", "#ia #1"),
        ("a\u200bb \x00 \ud800 {x}%", "#ab #x"),
        ('"#ia #tools"', "#ia #tools"),
        ("étudiant·e·s, col·lecció", "#étudiant·e·s #col·lecció"),
        ("·ami·e·s· ·", "#ami·e·s"),
        ("ami··e a·\u200d·b", "#ami·e #a·b"),
        ("می\u200cخواهم ശ്\u200dരീ", "#می\u200cخواهم #ശ്\u200dരീ"),
        ("\u200cia\u200d \u200e#to\u00adols\u200f", "#ia #tools"),
        ("", ""),
        (" ,;# ", ""),
    ],
)
def test_hashtags_are_normalised(typed: str, normalised: str) -> None:
    assert normalise_hashtags(typed) == normalised


@given(st.text(max_size=80) | st.text(alphabet="aA#, é\u0301_-ß\ufe0f·\u200c\u200d\u200b", max_size=80))
@settings(max_examples=100, deadline=None)
def test_normalised_hashtags_stay_as_they_are(text: str) -> None:
    once = normalise_hashtags(text)

    assert normalise_hashtags(once) == once
    assert once == "" or all(re.fullmatch(r"#[^\s#,;]+", tag) for tag in once.split(" "))


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("  un   titre ", "un titre"),
        ("a\r\nb\nc\rd\x85e\u2028f\u2029g\x0bh\x0ci", "a b c d e f g h i"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("a\u202ecba\u2066d", "acbad"),
        ("Prêt\u00a0? Oui\u202f!", "Prêt\u00a0? Oui\u202f!"),
        ("👨‍👩‍👧 ❤️", "👨‍👩‍👧 ❤️"),
        ("a\ud800b\ufeff", "ab"),
    ],
)
def test_a_line_has_no_breaks_and_no_controls(typed: str, line: str) -> None:
    assert clean_line(typed) == line


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("un\r\ndeux\rtrois\u2028quatre", "un\ndeux\ntrois\nquatre"),
        ("a\n\n  b\t c  \n", "a\n\n  b  c"),
        ("a\x00b\x07\x7f\u202e\ud800", "ab"),
        ("\n\u200b\n", ""),
    ],
)
def test_a_text_keeps_its_line_breaks_and_no_other_control(typed: str, text: str) -> None:
    assert clean_text(typed) == text


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_clean_words_are_storable_and_stay_as_they_are(text: str) -> None:
    line, paragraph = clean_line(text), clean_text(text)

    assert (clean_line(line), clean_text(paragraph)) == (line, paragraph)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", line + paragraph)
    (line + paragraph).encode()


def test_completed_words_are_what_the_card_and_the_subject_show() -> None:
    assert with_defaults(Words(" a\nb "), "ia, tools") == Words("a b", "", "#ia #tools", DEFAULT_CTA)
    assert with_defaults(Words(description="a\r\nb"), "") == Words(DEFAULT_TITLE, "a\nb", "", DEFAULT_CTA)


def test_graphemes_of_a_title_are_the_whole_title() -> None:
    assert list(graphemes("e\u0301a👨‍👩‍👧")) == ["e\u0301", "a", "👨‍👩‍👧"]
