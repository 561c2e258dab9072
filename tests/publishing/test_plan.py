"""Every note of a plan, every text a platform gets, every hour a person may write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contentflow.byop.lengths import mastodon_length
from contentflow.byop.words import Words
from contentflow.publishing import plan as plans
from contentflow.publishing import wall_clock
from contentflow.publishing.plan import Destination, FinishedClip, Plan, PlannedPost, Rules, plan
from contentflow.publishing.platforms import PLATFORMS

URL = "https://share.example.org/l/Ab3dE5g"
RULES = Rules(disclosure="Publicité", default_hashtags="#ia #tools", per_day=15, is_https=True)
CLIP = FinishedClip(render_id="R" * 22, is_approved=True, size=4_000_000, seconds=30.0)


@pytest.fixture(autouse=True)
def words_of_people(app: Flask) -> Any:
    """Notes are sentences, so a language is needed."""
    with force_locale("fr"):
        yield


WORDS = Words(title="Une heure gagnée", hashtags="#ia", cta="Essaye")


def a_post(words: Words = WORDS, **more: Any) -> PlannedPost:
    given_ = {"has_video": True, "clip": CLIP, **more}
    return PlannedPost(id="P" * 22, words=words, urls=dict.fromkeys(PLATFORMS, URL), **given_)


def codes(found: Plan) -> dict[str, str]:
    return {note.code: note.kind for note in found.notes}


def on_mastodon(**more: Any) -> Destination:
    return Destination(platform="mastodon", account_id="A" * 22, handle="@a@b.fr", host="b.fr", **more)


def test_a_post_that_fits_has_no_note_on_mastodon() -> None:
    found = plan(a_post(), on_mastodon(), RULES)

    assert (codes(found), found.reach, found.what, found.render_id) == ({}, "public", "clip", CLIP.render_id)
    assert found.text == f"Publicité\nUne heure gagnée\n\nEssaye {URL} #ia #ad"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_text_begins_with_the_mention_and_ends_with_the_mark(platform: str) -> None:
    found = plan(a_post(), Destination(platform=platform), RULES)

    assert found.text.startswith("Publicité\n")
    assert found.text.endswith(" #ad")
    assert found.text.count(URL) == (0 if platform == "tiktok" else 1)
    assert "<" not in found.text


def test_a_clip_that_is_not_approved_is_refused_and_a_late_one_said() -> None:
    unapproved = FinishedClip(render_id="R" * 22, is_approved=False, size=1, seconds=1.0)

    assert codes(plan(a_post(clip=unapproved), on_mastodon(), RULES)) == {"not_approved": "refused"}
    late = plan(a_post(clip=None, is_video_late=True), on_mastodon(), RULES)
    assert codes(late) == {"not_approved": "refused", "video_late": "changed"}


def test_words_alone_are_refused_where_only_videos_go() -> None:
    for platform, one in PLATFORMS.items():
        alone = codes(plan(a_post(has_video=False, clip=None), Destination(platform=platform), RULES))
        chosen = codes(plan(a_post(), Destination(platform=platform), RULES, "words"))
        assert (alone.get("no_video") == "refused") is one.needs_video
        assert ("no_video" if one.needs_video else "words_only") in chosen


def test_a_clip_over_the_servers_limit_goes_as_words() -> None:
    found = plan(a_post(), on_mastodon(limits={"video_size_limit": 3_999_999}), RULES)

    assert (codes(found), found.what, found.render_id) == ({"words_only": "changed"}, "words", None)


def test_the_servers_own_length_holds_and_a_link_counts_23() -> None:
    long = Words(title="é" * 110, hashtags=" ".join(f"#mot{n}" for n in range(60)), cta="Essaye")

    for limit in (200, 500, 5_000):
        found = plan(a_post(long), on_mastodon(limits={"max_characters": limit}), RULES)
        assert mastodon_length(found.text) == found.length <= limit
        assert (codes(found) == {"text_shortened": "changed"}) is (limit < 600)


def test_a_limit_that_nothing_fits_is_refused() -> None:
    assert codes(plan(a_post(), on_mastodon(limits={"max_characters": 20}), RULES))["too_long"] == "refused"


@pytest.mark.parametrize("told", ["500", -1, 0, 10**400, None, [500], {"a": 1}, 3.5])
def test_a_limit_that_is_none_is_the_usual_one(told: object) -> None:
    assert plan(a_post(), on_mastodon(limits={"max_characters": told}), RULES).maximum == 500


def test_an_account_that_must_be_connected_again_or_had_its_day_is_refused() -> None:
    assert codes(plan(a_post(), on_mastodon(needs_reauth=True), RULES)) == {"reauth": "refused"}
    assert codes(plan(a_post(), on_mastodon(used=15), RULES)) == {"daily_limit": "refused"}
    assert codes(plan(a_post(), on_mastodon(used=14), RULES)) == {}


def test_what_a_hand_does_is_said() -> None:
    assert codes(plan(a_post(), Destination(platform="instagram"), RULES)) == {
        "link_not_clickable": "hidden",
        "label_by_hand": "hand",
    }
    assert codes(plan(a_post(), Destination(platform="tiktok"), RULES))["no_link"] == "hidden"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", [
    "no_app", "reauth", "no_video", "not_approved", "too_long", "too_large", "daily_limit", "text_shortened",
    "words_only", "link_not_clickable", "no_link", "lands_in_inbox", "private_forever", "label_by_hand",
    "video_late", "cannot_delete",
])  # fmt: skip
def test_each_note_is_a_sentence_in_both_languages(code: str, language: str) -> None:
    from contentflow.publishing.note_sentences import sentence_of

    with force_locale("en" if language == "fr" else "fr"):
        other = sentence_of(code, "Mastodon", 500)
    with force_locale(language):
        said = sentence_of(code, "Mastodon", 500)

    assert said.endswith(".") and "%(" not in said and said != other


def test_what_was_seen_differs_with_each_thing_that_would_leave() -> None:
    seen = plans.seen_hash([plan(a_post(), on_mastodon(), RULES)])
    another = replace(CLIP, render_id="S" * 22)
    others = [
        plan(a_post(Words(title="Autre")), on_mastodon(), RULES),
        plan(a_post(clip=another), on_mastodon(), RULES),
        plan(a_post(), on_mastodon(), RULES, "words"),
        plan(a_post(), on_mastodon(), replace(RULES, disclosure="Collaboration commerciale")),
    ]

    assert len({seen, *(plans.seen_hash([one]) for one in others)}) == 5
    assert seen == plans.seen_hash([plan(a_post(), on_mastodon(used=3), RULES)])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # Of a machine that others use too.
@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(sorted(PLATFORMS)))
def test_whatever_the_words_the_mention_stays_first_and_the_mark_last(
    title: str, tags: str, platform: str
) -> None:
    found = plan(a_post(Words(title=title, hashtags=tags)), Destination(platform=platform), RULES)

    assert found.text.startswith("Publicité\n") and found.text.endswith("#ad")
    assert found.maximum is None or found.length <= found.maximum


# The wall clock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "zone", "utc"),
    [
        ("2026-03-02T09:30", "Europe/Paris", datetime(2026, 3, 2, 8, 30, tzinfo=UTC)),
        ("2026-07-02T09:30", "Europe/Paris", datetime(2026, 7, 2, 7, 30, tzinfo=UTC)),
        ("2026-10-25T02:30", "Europe/Paris", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # Twice: the first.
        ("2026-04-05T02:30", "Pacific/Auckland", datetime(2026, 4, 4, 13, 30, tzinfo=UTC)),  # Twice there.
        ("2026-03-02T09:30:45", "UTC", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-01T13:00", "Europe/Paris", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),  # This very minute.
    ],
)
def test_an_hour_of_a_place_is_one_moment(typed: str, zone: str, utc: datetime) -> None:
    assert wall_clock.moment_of(typed, zone, NOW) == utc


def test_a_leap_day_is_a_day_only_when_there_is_one() -> None:
    near = datetime(2028, 1, 1, tzinfo=UTC)
    assert wall_clock.moment_of("2028-02-29T10:00", "UTC", near).day == 29
    with pytest.raises(wall_clock.NoTime):
        wall_clock.moment_of("2027-02-29T10:00", "UTC", NOW)


@pytest.mark.parametrize(
    ("typed", "zone", "following"),
    [
        ("2026-03-29T02:30", "Europe/Paris", "2026-03-29T03:30"),
        ("2026-09-27T02:00", "Pacific/Auckland", "2026-09-27T03:00"),
    ],
)
def test_an_hour_that_the_clocks_skip_is_refused_with_the_next_one(
    typed: str, zone: str, following: str
) -> None:
    with pytest.raises(wall_clock.SkippedHour) as caught:
        wall_clock.moment_of(typed, zone, NOW)

    assert caught.value.next == following
    assert following[-5:] in str(caught.value.message)


@pytest.mark.parametrize("zone", wall_clock.ZONES)
def test_each_zone_that_is_offered_exists_and_shows_what_was_typed(zone: str) -> None:
    moment = wall_clock.moment_of("2026-06-01T09:30", zone, NOW)

    assert wall_clock.shown_in(moment, zone) == "2026-06-01T09:30"
