"""What a platform will get, and what is to be said before: one pure function for the page and the worker.

No database, no clock, no chance: post, account, limits, settings and time are handed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from contentflow.byop.lengths import LIMITS, Count, mastodon_length
from contentflow.byop.words import AD_MARK, Words, share_text, with_defaults
from contentflow.core.graphemes import graphemes
from contentflow.core.ids import digest
from contentflow.publishing.note_sentences import sentence_of
from contentflow.publishing.platforms import PLATFORMS, Platform, Reach

What = Literal["clip", "words"]
YOUTUBE_TITLE = 100
# https://docs.bsky.app/docs/tutorials/video and the lexicon app.bsky.embed.video
MAX_BYTES = {"bluesky": 100_000_000, "mastodon": 99_000_000, "youtube": 256 * 10**9, "tiktok": 4 * 10**9}
MAX_SECONDS = {"bluesky": 180.0, "tiktok": 600.0}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the settings say, as far as a plan depends on it."""

    disclosure: str
    default_hashtags: str
    per_day: int
    is_https: bool
    is_development: bool = False
    has_youtube: bool = False
    has_tiktok: bool = False
    is_youtube_audited: bool = False
    is_tiktok_audited: bool = False
    paused: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class FinishedClip:
    """A finished render; ``size`` in bytes."""

    render_id: str
    is_approved: bool
    size: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PlannedPost:
    """``urls`` maps a channel to its short link. ``clip`` None with ``has_video``: it is not there yet."""

    id: str
    words: Words
    urls: Mapping[str, str]
    has_video: bool
    clip: FinishedClip | None
    is_video_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where it goes; ``account_id`` None: by hand. ``used`` is how many went out there in 24 hours."""

    platform: str
    account_id: str | None = None
    handle: str = ""
    host: str = ""
    needs_reauth: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)
    used: int = 0

    @property
    def key(self) -> str:
        return self.account_id or self.platform


class Note(NamedTuple):
    """One sentence said before; ``kind`` is ``refused``, ``changed``, ``hidden`` or ``hand``."""

    code: str
    kind: Literal["refused", "changed", "hidden", "hand"]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would leave for one target, and every note."""

    target: Destination
    platform: Platform
    reach: Reach
    text: str
    what: What
    render_id: str | None
    labels: Mapping[str, Any]
    length: int
    maximum: int | None
    notes: tuple[Note, ...]

    @property
    def is_refused(self) -> bool:
        return any(note.kind == "refused" for note in self.notes)

    @property
    def asks_creator(self) -> bool:
        """Whether TikTok wants its own questions answered, anew for each post."""
        return self.platform.name == "tiktok" and self.reach == "public"

    @property
    def content(self) -> list[Any]:
        """All that leaves, in one order: what is hashed, and compared again before it goes."""
        return [self.target.key, self.text, self.what, self.render_id, dict(sorted(self.labels.items()))]


def seen_hash(plans: list[Plan]) -> str:
    """Return the hash of all that a page showed."""
    return digest(json.dumps(sorted((plan.content for plan in plans), key=str), ensure_ascii=False))


def reach_of(platform: str, rules: Rules, *, by_hand: bool = False) -> Reach:
    """Return what a publication there becomes."""
    if by_hand or not PLATFORMS[platform].is_spoken:
        return "hand"
    if platform == "bluesky":
        return "public" if rules.is_https or rules.is_development else "hand"
    if platform == "youtube":
        return "public" if rules.has_youtube and rules.is_youtube_audited else "hand"
    if platform == "tiktok":
        return ("public" if rules.is_tiktok_audited else "inbox") if rules.has_tiktok else "hand"
    return "public"


def plan(post: PlannedPost, target: Destination, rules: Rules, wanted: What = "clip") -> Plan:
    """Say what this target gets of this post, and every note of it."""
    platform = PLATFORMS[target.platform]
    reach = reach_of(target.platform, rules, by_hand=target.account_id is None)
    maximum, count = _limit(target)
    text = _text(post, platform, rules, maximum, count)
    what, notes = _video(post, target, platform, wanted)
    length = count(text)
    if maximum is not None and length > maximum:
        notes.append(_note("too_long", "refused", platform, count=maximum))
    elif text != _text(post, platform, rules, None, count):
        notes.append(_note("text_shortened", "changed", platform, count=maximum))
    notes += _of_account(target, platform, rules) + _of_link_and_label(platform, reach)
    return Plan(
        target=target,
        platform=platform,
        reach=reach,
        text=text,
        what=what,
        render_id=post.clip.render_id if post.clip and what == "clip" else None,
        labels=labels_of(target.platform, reach),
        length=length,
        maximum=maximum,
        notes=tuple(notes),
    )


def labels_of(platform: str, reach: Reach) -> dict[str, Any]:
    """Return the labels that the platform has for paid content: always set, never to be unset."""
    if platform == "youtube" and reach == "public":
        return {"hasPaidProductPlacement": True}
    if platform == "tiktok" and reach == "public":
        return {"brand_content_toggle": True}
    return {}


def _limit(target: Destination) -> tuple[int | None, Count]:
    limit = LIMITS[target.platform]
    if target.platform == "mastodon":
        allowed = target.limits.get("max_characters")
        reserved = target.limits.get("characters_reserved_per_url")
        shorter = reserved if isinstance(reserved, int) and 0 < reserved < 1_000 else 23
        return (
            allowed if isinstance(allowed, int) and 0 < allowed < 1_000_000 else limit.maximum,
            lambda text: mastodon_length(text) + (shorter - 23) * text.count("://"),
        )
    return limit.maximum, limit.count


def _text(post: PlannedPost, platform: Platform, rules: Rules, maximum: int | None, count: Count) -> str:
    url = post.urls.get(platform.name, "")
    if platform.takes_link:
        text = share_text(
            post.words, url, rules.disclosure, maximum, count, default_hashtags=rules.default_hashtags
        )
    else:
        text = _without_link(with_defaults(post.words, rules.default_hashtags), rules, maximum, count)
    return text.translate({ord("<"): "‹", ord(">"): "›"}) if platform.name == "youtube" else text


def _without_link(words: Words, rules: Rules, maximum: int | None, count: Count) -> str:
    """Return mention, title and hashtags; a text that would point to a link says nothing of one."""
    tags = [tag for tag in words.hashtags.split() if tag.casefold() != AD_MARK]
    title = list(graphemes(words.title))
    while True:
        text = f"{rules.disclosure}\n{''.join(title)}\n\n{' '.join([*tags, AD_MARK])}"
        if maximum is None or count(text) <= maximum or not (tags or title):
            return text
        (tags or title).pop()


def youtube_title(text: str) -> str:
    """Return the second line of a text, the post's title, as YouTube takes it: 100 characters, no < or >."""
    lines = text.splitlines()
    title = re.sub(r"[<>]", "", lines[1] if len(lines) > 1 else "").strip()
    return "".join(list(graphemes(title)))[:YOUTUBE_TITLE].strip()


def _video(
    post: PlannedPost, target: Destination, platform: Platform, wanted: What
) -> tuple[What, list[Note]]:
    """Return what goes, and why it is not the clip."""
    if not post.has_video:
        if platform.needs_video:
            return "words", [_note("no_video", "refused", platform)]
        return "words", []
    if wanted == "words":
        code, kind = ("no_video", "refused") if platform.needs_video else ("words_only", "changed")
        return "words", [_note(code, kind, platform)]
    if post.clip is None or not post.clip.is_approved:
        late = [_note("video_late", "changed", platform)] if post.is_video_late else []
        return "clip", [_note("not_approved", "refused", platform), *late]
    largest, longest = None, MAX_SECONDS.get(platform.name)
    if target.account_id is not None:
        told = target.limits.get("video_size_limit")
        largest = told if isinstance(told, int) and 0 < told < 10**12 else MAX_BYTES.get(target.platform)
    if (largest and post.clip.size > largest) or (longest and post.clip.seconds > longest):
        if platform.needs_video:
            return "clip", [_note("too_large", "refused", platform)]
        return "words", [_note("words_only", "changed", platform)]
    return "clip", []


def _of_account(target: Destination, platform: Platform, rules: Rules) -> list[Note]:
    if target.account_id is None:
        return []
    notes = []
    if reach_of(platform.name, rules) == "hand":
        code, kind = ("private_forever", "hidden") if rules.has_youtube else ("no_app", "hand")
        notes.append(_note(code if platform.name == "youtube" else "no_app", kind, platform))
    if target.needs_reauth:
        notes.append(_note("reauth", "refused", platform))
    if target.used >= rules.per_day:
        notes.append(_note("daily_limit", "refused", platform, count=rules.per_day))
    if not platform.can_delete:
        notes.append(_note("cannot_delete", "hidden", platform))
    return notes


def _of_link_and_label(platform: Platform, reach: Reach) -> list[Note]:
    notes = []
    if not platform.takes_link:
        notes.append(_note("no_link", "hidden", platform))
    elif not platform.has_link:
        notes.append(_note("link_not_clickable", "hidden", platform))
    if reach == "inbox":
        notes.append(_note("lands_in_inbox", "hand", platform))
    if reach != "public" and platform.label:
        notes.append(_note("label_by_hand", "hand", platform))
    return notes


def _note(code: str, kind: Any, platform: Platform, count: int | None = None) -> Note:
    return Note(code, kind, sentence_of(code, platform.title, count))


def used_since(now: datetime) -> datetime:
    """Return from when on a publication counts for the account's day."""
    return now - timedelta(hours=24)
