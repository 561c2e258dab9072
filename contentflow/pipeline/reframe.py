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
from contentflow.pipeline.probe import MediaInfo

WIDTH, HEIGHT = 1080, 1920
SHAPE = WIDTH / HEIGHT
BLUR_WIDTH, BLUR_HEIGHT = 136, 240
BLUR = "boxblur=7:2:5:2,lutyuv=y='16+(val-16)*0.7'"
SPARE_PIXELS = 4
# Below this share of samples with a face, a wide picture is better shown whole.
FACES_ENOUGH = 0.35
# Where a crop leaves out less than that, its middle is as good as any place.
STILL_SHARE = 0.95

# HDR is BT.2020, also where a film forgets to say so.
TONE_MAP = (
    "setparams=colorspace=bt2020nc:color_primaries=bt2020,zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)


@dataclass(frozen=True)
class Framing:
    """``graph`` leads from ``[in]`` to ``[framed]``; ``files`` are those that it reads, by name."""

    graph: str
    files: Mapping[str, str] = field(default_factory=dict)


def choose_mode(wish: str, media: MediaInfo) -> str | None:
    """Return ``crop`` or ``blur``; None where the wish is ``auto`` and only the faces can tell."""
    if wish in ("crop", "blur"):
        return wish
    # Nearly upright: little is lost.
    return "crop" if media.width / media.height <= SHAPE * 1.25 else None


def choose_by_faces(faces: Sequence[Face | None]) -> str:
    """Return ``crop`` where somebody is to be followed, else ``blur``."""
    seen = sum(face is not None for face in faces)
    return "crop" if faces and seen / len(faces) >= FACES_ENOUGH else "blur"


def can_move(media: MediaInfo) -> bool:
    """Whether a crop leaves out so much that it matters where it is."""
    return _share(media) < STILL_SHARE


def _share(media: MediaInfo) -> float:
    """Return how much of the picture's width, or height, has the screen's shape."""
    return min(SHAPE * media.height / media.width, media.width / media.height / SHAPE)


def of_one_size(media: MediaInfo) -> str:
    """Filters that leave a picture of the usual size alone, and fit any other into it."""
    width, height = media.frame_width, media.frame_height
    is_usual = f"eq(iw\\,{width})*eq(ih\\,{height})"
    # How wide a pixel of the usual picture is shown.
    shape = Fraction(media.width * height, media.height * width)
    zoom = f"min({width}*{float(shape):.6f}/(iw*sar)\\,{height}/ih)"
    across, down = f"iw*sar*{zoom}/{float(shape):.6f}", f"ih*{zoom}"
    return (
        f"scale=w='if({is_usual}\\,iw\\,{_floored(across)})':h='if({is_usual}\\,ih\\,{_floored(down)})'"
        f":eval=frame,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:color=black@0:eval=frame"
    )


def whole_pictures(media: MediaInfo) -> str:
    """The filter that makes one picture of two halves that were filmed one after the other."""
    return "bwdif=mode=send_frame:deint=interlaced," if media.is_interlaced else ""


def _floored(size: str) -> str:
    return f"max(2\\,2*floor({size}/2+0.001))"


def fitted(media: MediaInfo) -> str:
    """Filters that put any picture whole on its own blur: ffmpeg makes them anew where the size changes."""
    across, down = f"min({WIDTH}\\,{HEIGHT}*dar)", f"min({HEIGHT}\\,{WIDTH}/dar)"
    whole = f"w='{_floored(across)}':h='{_floored(down)}'"
    return (
        f"{_scaled(media, whole)}format=yuv420p,split[whole][back];"
        f"[back]scale=w='2*ceil(max({BLUR_WIDTH}\\,{BLUR_HEIGHT}*dar)/2)'"
        f":h='2*ceil(max({BLUR_HEIGHT}\\,{BLUR_WIDTH}/dar)/2)':flags=fast_bilinear,"
        f"crop={BLUR_WIDTH}:{BLUR_HEIGHT},{BLUR},scale={WIDTH}:{HEIGHT}:flags=fast_bilinear,setsar=1[ground];"
        "[ground][whole]overlay=(W-w)/2:(H-h)/2"
    )


def blur_framing(media: MediaInfo) -> Framing:
    """All of the picture between two pieces of its own blur, which is made small: much faster than at full
    size, and nothing is drawn that the picture would cover."""
    is_wide = media.width / media.height > SHAPE
    width, height = (
        (WIDTH, _even(WIDTH * media.height / media.width))
        if is_wide
        else (_even(HEIGHT * media.width / media.height), HEIGHT)
    )
    spare = HEIGHT - height if is_wide else WIDTH - width
    if spare < 4:
        return Framing(f"[in]{_scaled(media, f'{WIDTH}:{HEIGHT}')}null[framed]")
    first = spare // 4 * 2
    # The part of the picture that has the screen's shape.
    part = (_even(height * SHAPE), height) if is_wide else (width, _even(width / SHAPE))
    before, after = (
        _ground(size, is_wide=is_wide, is_last=is_last)
        for size, is_last in ((first, False), (spare - first, True))
    )
    graph = (
        f"[in]{_scaled(media, f'{width}:{height}')}format=yuv420p,split[whole][back];"
        f"[back]crop={part[0]}:{part[1]},scale={BLUR_WIDTH}:{BLUR_HEIGHT}:flags=fast_bilinear,"
        f"{BLUR},split[head][tail];"
        f"[head]{before}[before];[tail]{after}[after];"
        f"[before][whole][after]{'v' if is_wide else 'h'}stack=3[framed]"
    )
    return Framing(graph)


def _ground(size: int, *, is_wide: bool, is_last: bool) -> str:
    """One end of the small blur, ``size`` pixels of the screen, drawn large."""
    if is_wide:
        rows = _even(size * BLUR_HEIGHT / HEIGHT)
        crop, scale = f"{BLUR_WIDTH}:{rows}:0:{BLUR_HEIGHT - rows if is_last else 0}", f"{WIDTH}:{size}"
    else:
        columns = _even(size * BLUR_WIDTH / WIDTH)
        crop, scale = (
            f"{columns}:{BLUR_HEIGHT}:{BLUR_WIDTH - columns if is_last else 0}:0",
            f"{size}:{HEIGHT}",
        )
    return f"crop={crop},scale={scale}:flags=fast_bilinear,setsar=1"


def crop_framing(
    media: MediaInfo,
    rate: Fraction,
    seconds: float,
    faces: Sequence[Face | None],
    samples_per_second: float,
    cuts: Sequence[float],
) -> Framing:
    """A crop of the screen's shape that follows the faces."""
    is_wide, share = media.width / media.height > SHAPE, _share(media)
    centres = [None if face is None else (face.x if is_wide else face.y) for face in faces]
    frames = math.ceil(seconds * rate) + 1
    path = camera_path(centres, samples_per_second, cuts, frames, float(rate), share)
    return _moving_crop(media, rate, [float(centre) for centre in path], share, is_wide=is_wide)


def _moving_crop(
    media: MediaInfo, rate: Fraction, path: Sequence[float], share: float, *, is_wide: bool
) -> Framing:
    """Crop coarsely in the video's own pixels, scale, then crop finely: smooth, and little is scaled."""
    length = media.frame_width if is_wide else media.frame_height
    exact = share * length
    coarse = min(length, _even(exact) + SPARE_PIXELS)
    screen = WIDTH if is_wide else HEIGHT
    zoom = screen / exact
    scaled = max(screen, _even(coarse * zoom))
    places = []
    for centre in path:
        left = centre * length - exact / 2
        at_pixel = max(0, min(length - coarse, math.floor(left) // 2 * 2))
        places.append((at_pixel, max(0, min(scaled - screen, round((left - at_pixel) * zoom)))))
    axis = "x" if is_wide else "y"
    first, second = (
        (f"{coarse}:{media.frame_height}", (scaled, HEIGHT))
        if is_wide
        else (f"{media.frame_width}:{coarse}", (WIDTH, scaled))
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
        f"[in]{told['coarse']}crop@coarse={first}:{start[0]},{_scaled(media, f'{second[0]}:{second[1]}')}"
        f"{told['fine']}crop@fine={WIDTH}:{HEIGHT}:{start[1]}[framed]"
    )
    return Framing(graph, files)


def _commands(places: Sequence[int], rate: Fraction, what: str) -> str:
    """Return a line for each frame whose place differs from the one before, half a frame early."""
    return "".join(
        f"{float((index - Fraction(1, 2)) / rate):.4f} {what} {place};\n"
        for index, place in enumerate(places)
        if index and place != places[index - 1]
    )


def _scaled(media: MediaInfo, size: str) -> str:
    """Scale, with square pixels and the colours of HD television, which is what the clip says that it has."""
    # Where much is left out, area costs a third less, and 48 dB of it are the same.
    width, _, _ = size.partition(":")
    is_smaller = width.isdigit() and media.frame_width >= 1.5 * int(width)
    scale = f"scale={size}:flags={'area' if is_smaller else 'bicubic'}"
    if media.is_hdr:
        return f"{scale},setsar=1,{TONE_MAP},"
    return f"{scale}:in_color_matrix={media.matrix}:out_color_matrix=bt709:out_range=tv,setsar=1,"


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)
