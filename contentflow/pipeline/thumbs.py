"""Pictures for the cover: three moments that are sharp, well lit and with eyes open, and their posters."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from contentflow.pipeline.faces import Face, count_open_eyes
from contentflow.pipeline.reasons import Failure, UnprocessableMedia

Gray = NDArray[np.uint8]

COVERS = 3
APART_SECONDS = 1.0
POSTER_WIDTH, POSTER_HEIGHT = 1200, 630
MAX_POSTER_BYTES = 300_000
# A JPEG has no word for it: whoever opens one takes its colours for those of BT.601, in full range.
AS_JPEG = "scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p"


def choose_covers(
    frames: Sequence[Gray], faces: Sequence[Face | None], times: Sequence[float], rate: Fraction
) -> list[int]:
    """Return up to three frame numbers of the clip, the best first, a second or more apart."""
    scores = [
        _picture(frame) + (0.0 if face is None else 0.5 + 0.5 * count_open_eyes(frame, face))
        for frame, face in zip(frames, faces, strict=True)
    ]
    # Whatever is chosen first, there is room for the others.
    apart = min(APART_SECONDS, times[-1] / (2 * COVERS - 1)) if times else 0.0
    chosen: list[float] = []
    for index in _best_first(scores):
        if all(abs(times[index] - other) >= apart for other in chosen):
            chosen.append(times[index])
        if len(chosen) == COVERS:
            break
    return [max(0, round(time * rate)) for time in chosen] or [0]


def find_promising(frames: Sequence[Gray], count: int) -> list[int]:
    """Return the indexes of the sharpest and best lit, where it is worth while to look for faces."""
    return _best_first([_picture(frame) for frame in frames])[:count]


def _best_first(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda index: -scores[index])


def _picture(frame: Gray) -> float:
    # 0 for an even grey, towards 1 for crisp edges.
    variance = float(cv2.Laplacian(frame, cv2.CV_64F).var())
    # 1 for a picture of middle brightness and full range, 0 for black, white or fog.
    mean, spread = float(frame.mean()) / 255, float(frame.std()) / 64
    return variance / (variance + 200.0) * 0.5 + max(0.0, 1 - abs(mean - 0.5) * 2) * min(1.0, spread)


def poster_graph() -> str:
    """Lead from ``[wide]``, the clip's own pictures, to ``[posters]`` of 1200×630 for link previews."""
    return (
        "[wide]split[whole][behind];"
        "[behind]scale=150:-2:flags=fast_bilinear,crop=150:79,boxblur=6:2,lutyuv=y='16+(val-16)*0.7',"
        f"scale={POSTER_WIDTH}:{POSTER_HEIGHT}:flags=bilinear,setsar=1[back];"
        f"[whole]scale=-2:{POSTER_HEIGHT}:flags=area,setsar=1[front];"
        f"[back][front]overlay=(W-w)/2:0,ass=poster.ass:fontsdir=fonts,{AS_JPEG}[posters]"
    )


def shrink_poster(poster: Path) -> None:
    """Make a poster that is too heavy for link previews lighter; raises ``UnprocessableMedia``."""
    for quality in (75, 55, 35, 15):
        if poster.stat().st_size < MAX_POSTER_BYTES:
            return
        picture = cv2.imread(str(poster))
        if picture is None:
            raise UnprocessableMedia(Failure.RENDER)
        cv2.imwrite(str(poster), picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
