"""A picture of any shape on a screen of 1080×1920: a crop that moves, or all of it on its own blur.

Everything here is text for ffmpeg made of numbers; no word of a person ever enters a filter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from contentflow.pipeline.faces import Face
from contentflow.pipeline.path import camera_path
from contentflow.pipeline.probe import Media

WIDTH, HEIGHT = 1080, 1920
SHAPE = WIDTH / HEIGHT
BLUR_WIDTH, BLUR_HEIGHT = 136, 240
SPARE_PIXELS = 4
# Below this share of samples with a face, a wide picture is better shown whole.
FACES_ENOUGH = 0.35

TONE_MAP = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)


@dataclass(frozen=True)
class Framing:
    """``graph`` leads from ``[in]`` to ``[framed]``; ``files`` are those that it reads, by name."""

    graph: str
    files: Mapping[str, str] = field(default_factory=dict)


def choose_mode(wish: str, media: Media, faces: Sequence[Face | None]) -> str:
    """Return ``crop`` or ``blur`` for the wish ``crop``, ``blur`` or ``auto``."""
    if wish in ("crop", "blur"):
        return wish
    if media.width / media.height <= SHAPE * 1.25:
        return "crop"  # Nearly upright: little is lost.
    seen = sum(face is not None for face in faces)
    return "crop" if faces and seen / len(faces) >= FACES_ENOUGH else "blur"


def blur_framing(media: Media) -> Framing:
    """All of the picture on its own blur, which is made small: four times faster than at full size."""
    scale = min(WIDTH / media.width, HEIGHT / media.height)
    width, height = _even(media.width * scale), _even(media.height * scale)
    # The part of the picture that has the screen's shape, cut out before anything is scaled.
    across, down = min(1.0, SHAPE * media.height / media.width), min(1.0, media.width / media.height / SHAPE)
    back = f"{_even(media.frame_width * across)}:{_even(media.frame_height * down)}"
    graph = (
        f"[in]{_tones(media)}split[front][back];"
        f"[back]crop={back},scale={BLUR_WIDTH}:{BLUR_HEIGHT}:flags=fast_bilinear,boxblur=7:2:5:2,"
        f"lutyuv=y='16+(val-16)*0.7',scale={WIDTH}:{HEIGHT}:flags=bilinear,setsar=1[ground];"
        f"[front]scale={width}:{height}:flags=bicubic,setsar=1[whole];"
        "[ground][whole]overlay=(W-w)/2:(H-h)/2:shortest=1[framed]"
    )
    return Framing(graph)


def crop_framing(
    media: Media,
    rate: Fraction,
    seconds: float,
    faces: Sequence[Face | None],
    samples_per_second: float,
    cuts: Sequence[float],
) -> Framing:
    """A crop of the screen's shape that follows the faces."""
    is_wide = media.width / media.height > SHAPE
    share = min(SHAPE * media.height / media.width, media.width / media.height / SHAPE)
    centres = [None if face is None else (face.x if is_wide else face.y) for face in faces]
    frames = math.ceil(seconds * rate) + 1
    path = camera_path(centres, samples_per_second, cuts, frames, float(rate), share)
    return _moving_crop(media, rate, [float(centre) for centre in path], share, is_wide=is_wide)


def _moving_crop(
    media: Media, rate: Fraction, path: Sequence[float], share: float, *, is_wide: bool
) -> Framing:
    """Crop coarsely in the video's own pixels, scale, then crop finely: smooth, and little is scaled."""
    length = media.frame_width if is_wide else media.frame_height
    exact = share * length
    coarse = min(length, _even(exact) + SPARE_PIXELS)
    screen = WIDTH if is_wide else HEIGHT
    zoom = screen / exact
    scaled = max(screen, _even(coarse * zoom))
    places = [_place(centre * length - exact / 2, length - coarse, zoom, scaled - screen) for centre in path]
    axis = "x" if is_wide else "y"
    first, second = (
        (f"{coarse}:{media.frame_height}", f"{scaled}:{HEIGHT}")
        if is_wide
        else (f"{media.frame_width}:{coarse}", f"{WIDTH}:{scaled}")
    )
    start = (
        (f"{places[0][0]}:0", f"{places[0][1]}:0") if is_wide else (f"0:{places[0][0]}", f"0:{places[0][1]}")
    )
    files = {
        f"{name}.cmd": _commands([place[index] for place in places], rate, f"crop@{name} {axis}")
        for index, name in enumerate(("coarse", "fine"))
    }
    told = {name: f"sendcmd=f={name}.cmd," if files[f"{name}.cmd"] else "" for name in ("coarse", "fine")}
    graph = (
        f"[in]{told['coarse']}crop@coarse={first}:{start[0]},scale={second}:flags=bicubic,setsar=1,"
        f"{_tones(media)}{told['fine']}crop@fine={WIDTH}:{HEIGHT}:{start[1]}[framed]"
    )
    return Framing(graph, files)


def _place(left: float, most: int, zoom: float, most_fine: int) -> tuple[int, int]:
    coarse = max(0, min(most, math.floor(left) // 2 * 2))
    return coarse, max(0, min(most_fine, round((left - coarse) * zoom)))


def _commands(places: Sequence[int], rate: Fraction, what: str) -> str:
    """Return a line for each frame whose place differs from the one before, half a frame early."""
    return "".join(
        f"{float((index - Fraction(1, 2)) / rate):.4f} {what} {place};\n"
        for index, place in enumerate(places)
        if index and place != places[index - 1]
    )


def _tones(media: Media) -> str:
    return f"{TONE_MAP}," if media.is_hdr else ""


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)
