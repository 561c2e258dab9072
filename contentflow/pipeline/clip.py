"""From a partner's file to a folder with the clip, its captions and its pictures: no database, no web.

The steps, in order: ``look`` (probe, find the liveliest part, faces), ``listen`` (captions),
``render`` (the one encode), ``finish`` (captions as files). ``fetch`` comes before them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from contentflow.pipeline import (
    captions,
    faces,
    finish,
    ground,
    parts,
    reframe,
    sampling,
    speech,
    still,
    thumbs,
)
from contentflow.pipeline.captions import Word
from contentflow.pipeline.opening import Section, open_section, with_its_sound
from contentflow.pipeline.probe import Limits, Media, probe
from contentflow.pipeline.reasons import Reason, Unfit
from contentflow.pipeline.sampling import SAMPLES_PER_SECOND, Samples
from contentflow.pipeline.sniff import Kind, kind_of_file

SHORTEST_CLIP_SECONDS = 1.0
COVER_GLIMPSES, MOST_GLIMPSES = 10, 24

Seen = list[faces.Face | None]
Tell = Callable[[str, float], object]


@dataclass(frozen=True, kw_only=True)
class House:
    """What the operator set: limits, the mention, who listens."""

    limits: Limits
    clip_seconds: float
    disclosure: str
    whisper_model: str
    models: Path
    most_seconds: float


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the partner chose. ``text`` corrects the captions, "" removes them, None takes them as heard;
    ``subtitles`` are words of an uploaded file, at their times in the whole video."""

    framing: str = "auto"
    start: float | None = None
    text: str | None = None
    heard: tuple[tuple[float, float, str], ...] = ()
    heard_start: float | None = None
    subtitles: tuple[tuple[float, float, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What came of it. ``captions`` is heard, typed, uploaded, silent (no words) or nobody (no model)."""

    video_seconds: float
    start: float
    seconds: float
    framing: str
    captions: str
    words: list[tuple[float, float, str]]
    covers: int
    cover: int = 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Film:
    """A file, what is in it, and the part of it that becomes the clip."""

    source: Path
    media: Media
    section: Section


def make_clip(source: Path, wishes: Wishes, house: House, folder: Path, tell: Tell) -> tuple[Path, Facts]:
    """Return a folder inside ``folder`` with the finished files, and the facts. Raises ``Unfit``."""
    tell("look", 0.0)
    source, media = _opened(source, house, folder)
    section = _section(source, media, wishes, house, folder)
    film, samples, seen, mode = _look(
        Film(source, with_its_sound(media, section), section), wishes, house, folder
    )
    tell("listen", 0.0)
    words, origin = _words(samples, wishes, section, house)
    tell("render", 0.0)
    plan = _plan(film, samples, seen, words, mode, house)
    finish.render(film.source, plan, folder, house.most_seconds, lambda share: tell("render", share))
    tell("finish", 0.0)
    made = _collected(folder, plan)
    facts = Facts(
        video_seconds=media.seconds,
        start=section.start,
        seconds=section.seconds,
        framing=mode,
        captions=origin,
        words=[(word.start, word.end, word.text) for word in words],
        covers=len(list(made.glob("cover-*.jpg"))),
    )
    return made, facts


def _opened(source: Path, house: House, folder: Path) -> tuple[Path, Media]:
    kind = kind_of_file(source)
    if kind is Kind.PICTURE:
        source, kind = still.to_video(source, house.limits.most_side, folder, house.most_seconds), Kind.MP4
    return source, probe(source, kind, house.limits)


def _section(source: Path, media: Media, wishes: Wishes, house: House, folder: Path) -> Section:
    if wishes.start is None:
        return sampling.find_liveliest(source, media, house.clip_seconds, folder, house.most_seconds)
    start = max(0.0, min(wishes.start, media.seconds - SHORTEST_CLIP_SECONDS))
    return Section(start, min(house.clip_seconds, media.seconds - start))


def _look(film: Film, wishes: Wishes, house: House, folder: Path) -> tuple[Film, Samples, Seen, str]:
    """Return the film that the clip is made of, samples, the face in each and the framing.

    Key frames do, unless somebody can be followed.
    """
    keep_speech = not wishes.subtitles and speech.can_listen(house.whisper_model)

    def look(*, closely: bool) -> Samples:
        return sampling.look_at(
            film.source,
            film.media,
            film.section,
            folder,
            house.most_seconds,
            closely=closely,
            keep_speech=keep_speech,
        )

    samples, wish = look(closely=False), wishes.framing
    if any(part.has_alpha for part in samples.parts):
        film = _grounded(film, house, folder)
        samples = look(closely=False)
    if parts.is_mixed(samples.parts):
        film, wish = _made_one(film, house, folder), "blur"
        samples = look(closely=False)
    film = replace(film, media=parts.as_seen(film.media, samples.parts))
    mode = reframe.choose_mode(wish, film.media)
    may_follow = mode != "blur" and reframe.can_move(film.media)
    seen = _glimpsed(samples, MOST_GLIMPSES if may_follow else COVER_GLIMPSES)
    if sampling.are_enough(samples, film.section) and not (may_follow and any(seen)):
        return film, samples, seen, mode or "blur"
    samples = look(closely=True)
    seen = _followed(samples)
    return film, samples, seen, mode or reframe.choose_by_faces(seen)


def _grounded(film: Film, house: House, folder: Path) -> Film:
    opening = open_section(film.media, film.section)
    grey = ground.choose_ground(film.source, film.media, opening, folder, house.most_seconds)
    return replace(film, media=replace(film.media, ground=grey))


def _made_one(film: Film, house: House, folder: Path) -> Film:
    """Return the section alone, its pictures all of the screen's size."""
    opening = open_section(film.media, film.section)
    source = parts.make_one(film.source, film.media, opening, folder, house.most_seconds)
    limits = replace(house.limits, most_side=max(reframe.HEIGHT, house.limits.most_side))
    return Film(source, probe(source, Kind.MATROSKA, limits), replace(film.section, start=opening.lead))


def _glimpsed(samples: Samples, most: int) -> Seen:
    """The largest face in each of the pictures that are worth a look; the others count as empty."""
    seen: Seen = [None] * len(samples.frames)
    for index in thumbs.find_promising(samples.frames, most):
        seen[index] = next(iter(faces.find_faces(samples.frames[index])), None)
    return seen


def _followed(samples: Samples) -> Seen:
    frames = samples.frames
    cuts = {math.ceil(cut * SAMPLES_PER_SECOND) for cut in samples.cuts}

    def again(index: int, face: faces.Face) -> faces.Face | None:
        return faces.find_again(frames[index - 1], frames[index], face)

    # Between two looks the likeness of a face is enough, and cheaper by far.
    return faces.follow(faces.look_for_faces(frames, cuts), cuts, again)


def _words(samples: Samples, wishes: Wishes, section: Section, house: House) -> tuple[list[Word], str]:
    if wishes.subtitles:
        return captions.shifted(
            [Word(*word) for word in wishes.subtitles], section.start, section.seconds
        ), "uploaded"
    if wishes.text is not None and wishes.heard_start == section.start:
        heard = [Word(*word) for word in wishes.heard]
        return captions.retime(heard, wishes.text, section.seconds), "typed"
    if samples.loudness is None:
        return [], "silent"
    if samples.speech is None:
        return [], "nobody"
    words = speech.transcribe(
        samples.speech, house.whisper_model, house.models, section.seconds, house.most_seconds
    )
    if words is None:
        return [], "nobody"
    return words, "heard" if words else "silent"


def _plan(
    film: Film, samples: Samples, seen: Seen, words: list[Word], mode: str, house: House
) -> finish.Plan:
    media, section = film.media, film.section
    rate = sampling.clip_rate(media)
    if mode == "blur":
        framing = reframe.blur_framing(media)
    else:
        followed = seen if samples.is_close else []
        framing = reframe.crop_framing(
            media, rate, section.seconds, followed, SAMPLES_PER_SECOND, samples.cuts
        )
    return finish.Plan(
        media=media,
        section=section,
        rate=rate,
        framing=framing,
        disclosure=house.disclosure,
        cues=captions.group(words),
        loudness=samples.loudness,
        covers=thumbs.choose_covers(samples.frames, seen, samples.times, rate),
    )


def _collected(folder: Path, plan: finish.Plan) -> Path:
    made = folder / "made"
    made.mkdir()
    pictures = sorted([*folder.glob("cover-*.jpg"), *folder.glob("poster-*.jpg")])
    if not pictures:
        raise Unfit(Reason.RENDER)
    for path in [folder / "clip.mp4", *pictures]:
        path.rename(made / path.name)
    if plan.cues:
        (made / "captions.srt").write_text(captions.srt(plan.cues))
        (made / "captions.vtt").write_text(captions.vtt(plan.cues))
    return made
