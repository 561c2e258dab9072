"""Where a film is transparent it lies on a light or a dark ground, on which what is drawn can be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contentflow.pipeline.decode_script import light_or_dark
from contentflow.pipeline.ffmpeg import run_ffmpeg
from contentflow.pipeline.opening import Opening, reading_film
from contentflow.pipeline.probe import MediaInfo

SIDE, MAX_PICTURES = 192, 8


def choose_ground(source: Path, media: MediaInfo, opening: Opening, folder: Path, seconds: float) -> int:
    """Return the grey, of 0 to 255; light where no picture can be read."""
    small = f"fps=2:start_time=0,scale={SIDE}:{SIDE}:flags=area,format=bgra"
    arguments = [*opening.options, *reading_film(source, media), "-map", f"0:{media.video_index}"]
    arguments += ["-vf", small, "-frames:v", str(MAX_PICTURES), "-f", "rawvideo", "drawn.raw"]
    run_ffmpeg(arguments, folder, seconds)
    drawn = folder / "drawn.raw"
    pixels = np.fromfile(drawn, dtype=np.uint8) if drawn.exists() else np.zeros(0, dtype=np.uint8)
    size = SIDE * SIDE * 4
    return light_or_dark(pixels[: len(pixels) // size * size].reshape(-1, SIDE, SIDE, 4))


def on_ground(media: MediaInfo) -> str:
    """Filters that lay each picture on the film's ground; none where it is not transparent."""
    if media.ground is None:
        return ""
    grey = f"0x{media.ground:02x}{media.ground:02x}{media.ground:02x}@1"
    ground = f"[under]drawbox=c={grey}:t=fill:replace=1[grey]"
    return f",split[drawn][under];{ground};[grey][drawn]overlay=format=auto"
