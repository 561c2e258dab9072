"""From a partner's file to a folder with the clip, its captions and its pictures: no database, no web.

The steps, in order: ``look`` (probe, find the liveliest part, faces), ``listen`` (captions),
``render`` (the one encode), ``finish`` (captions as files). ``fetch`` comes before them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

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
from contentflow.pipeline.probe import MediaInfo, MediaLimits, probe
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions, RenderResult
from contentflow.pipeline.sampling import SAMPLES_PER_SECOND, Samples
from contentflow.pipeline.sniff import Kind, kind_of_file

MIN_CLIP_SECONDS = 1.0
COVER_GLIMPSES, MAX_GLIMPSES = 10, 24

Seen = list[faces.Face | None]
OnStep = Callable[[str, float], object]


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """What the operator set: limits, the mention, who listens."""

    limits: MediaLimits
    clip_seconds: float
    disclosure: str
    whisper_model: str
    models: Path
    max_seconds: float


@dataclass(frozen=True)
class Film:
    """A file, what is in it, and the part of it that becomes the clip."""

    source: Path
    media: MediaInfo
    section: Section


def make_clip(
    source: Path, options: RenderOptions, settings: RenderSettings, folder: Path, on_step: OnStep
) -> tuple[Path, RenderResult]:
    """Return a folder inside ``folder`` with the finished files, and the result.

    Raises ``UnprocessableMedia``.
    """
    on_step("look", 0.0)
    kind = kind_of_file(source)
    if kind is Kind.PICTURE:
        source = still.to_video(source, settings.limits.max_side, folder, settings.max_seconds)
        kind = Kind.MP4
    media = probe(source, kind, settings.limits)
    if options.start is None:
        section = sampling.find_liveliest(source, media, settings.clip_seconds, folder, settings.max_seconds)
    else:
        start = max(0.0, min(options.start, media.seconds - MIN_CLIP_SECONDS))
        section = Section(start, min(settings.clip_seconds, media.seconds - start))
    film, samples, seen, mode = _look(
        Film(source, with_its_sound(media, section), section), options, settings, folder
    )
    on_step("listen", 0.0)
    words, origin = _words(samples, options, section, settings)
    on_step("render", 0.0)
    plan = _plan(film, samples, seen, words, mode, settings)
    finish.render(film.source, plan, folder, settings.max_seconds, lambda share: on_step("render", share))
    on_step("finish", 0.0)
    made = _collected(folder, plan)
    result = RenderResult(
        video_seconds=media.seconds,
        start=section.start,
        seconds=section.seconds,
        framing=mode,
        captions=origin,
        words=tuple((word.start, word.end, word.text) for word in words),
        covers=len(list(made.glob("cover-*.jpg"))),
    )
    return made, result


def _look(
    film: Film, options: RenderOptions, settings: RenderSettings, folder: Path
) -> tuple[Film, Samples, Seen, str]:
    """Return the film that the clip is made of, samples, the face in each and the framing.

    Key frames do, unless somebody can be followed.
    """
    keep_speech = not options.subtitles and speech.can_listen(settings.whisper_model)

    def look(*, closely: bool) -> Samples:
        return sampling.look_at(
            film.source,
            film.media,
            film.section,
            folder,
            settings.max_seconds,
            closely=closely,
            keep_speech=keep_speech,
        )

    samples, wanted = look(closely=False), options.framing or "auto"
    if any(part.has_alpha for part in samples.parts):
        film = _grounded(film, settings, folder)
        samples = look(closely=False)
    if parts.is_mixed(samples.parts):
        film, wanted = _made_one(film, settings, folder), "blur"
        samples = look(closely=False)
    film = replace(film, media=parts.as_seen(film.media, samples.parts))
    mode = reframe.choose_mode(wanted, film.media)
    may_follow = mode != "blur" and reframe.can_move(film.media)
    seen = _glimpsed(samples, MAX_GLIMPSES if may_follow else COVER_GLIMPSES)
    if sampling.are_enough(samples, film.section) and not (may_follow and any(seen)):
        return film, samples, seen, mode or "blur"
    samples = look(closely=True)
    seen = _followed(samples)
    return film, samples, seen, mode or reframe.choose_by_faces(seen)


def _grounded(film: Film, settings: RenderSettings, folder: Path) -> Film:
    opening = open_section(film.media, film.section)
    grey = ground.choose_ground(film.source, film.media, opening, folder, settings.max_seconds)
    return replace(film, media=replace(film.media, ground=grey))


def _made_one(film: Film, settings: RenderSettings, folder: Path) -> Film:
    """Return the section alone, its pictures all of the screen's size."""
    opening = open_section(film.media, film.section)
    source = parts.make_one(film.source, film.media, opening, folder, settings.max_seconds)
    limits = replace(settings.limits, max_side=max(reframe.HEIGHT, settings.limits.max_side))
    return Film(source, probe(source, Kind.MATROSKA, limits), replace(film.section, start=opening.lead))


def _glimpsed(samples: Samples, count: int) -> Seen:
    """The largest face in each of the pictures that are worth a look; the others count as empty."""
    seen: Seen = [None] * len(samples.frames)
    for index in thumbs.find_promising(samples.frames, count):
        seen[index] = next(iter(faces.find_faces(samples.frames[index])), None)
    return seen


def _followed(samples: Samples) -> Seen:
    frames = samples.frames
    cuts = {math.ceil(cut * SAMPLES_PER_SECOND) for cut in samples.cuts}

    def again(index: int, face: faces.Face) -> faces.Face | None:
        return faces.find_again(frames[index - 1], frames[index], face)

    # Between two looks the likeness of a face is enough, and cheaper by far.
    return faces.follow(faces.look_for_faces(frames, cuts), cuts, again)


def _words(
    samples: Samples, options: RenderOptions, section: Section, settings: RenderSettings
) -> tuple[list[Word], str]:
    if options.subtitles:
        return captions.shifted(
            [Word(*word) for word in options.subtitles], section.start, section.seconds
        ), "uploaded"
    if options.text is not None and options.heard_start == section.start:
        heard = [Word(*word) for word in options.heard]
        return captions.retime(heard, options.text, section.seconds), "typed"
    if samples.loudness is None:
        return [], "silent"
    if samples.speech is None:
        return [], "nobody"
    words = speech.transcribe(
        samples.speech, settings.whisper_model, settings.models, section.seconds, settings.max_seconds
    )
    if words is None:
        return [], "nobody"
    return words, "heard" if words else "silent"


def _plan(
    film: Film, samples: Samples, seen: Seen, words: list[Word], mode: str, settings: RenderSettings
) -> finish.RenderPlan:
    media, section = film.media, film.section
    rate = sampling.clip_rate(media)
    if mode == "blur":
        framing = reframe.blur_framing(media)
    else:
        followed = seen if samples.is_close else []
        framing = reframe.crop_framing(
            media, rate, section.seconds, followed, SAMPLES_PER_SECOND, samples.cuts
        )
    return finish.RenderPlan(
        media=media,
        section=section,
        rate=rate,
        framing=framing,
        disclosure=settings.disclosure,
        cues=captions.group(words),
        loudness=samples.loudness,
        covers=thumbs.choose_covers(samples.frames, seen, samples.times, rate),
    )


def _collected(folder: Path, plan: finish.RenderPlan) -> Path:
    made = folder / "made"
    made.mkdir()
    pictures = sorted([*folder.glob("cover-*.jpg"), *folder.glob("poster-*.jpg")])
    if not pictures:
        raise UnprocessableMedia(Failure.RENDER)
    for path in [folder / "clip.mp4", *pictures]:
        path.rename(made / path.name)
    if plan.cues:
        (made / "captions.srt").write_text(captions.srt(plan.cues))
        (made / "captions.vtt").write_text(captions.vtt(plan.cues))
    return made
