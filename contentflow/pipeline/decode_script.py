"""Open a picture that somebody sent and write it as a plain PNG: ``python decode_script.py IN OUT.png``.

A script of its own, run within limits: whatever the picture does to its decoder stays there. It turns
the picture upright as its camera noted, drops all notes, lays what is transparent on a ground where
it can be seen, and makes it large, for a smooth move.
"""

from __future__ import annotations

import os
import sys
from typing import Any

LARGE_SIDE = 3840
LIGHT, DARK = 240, 24
# Below that difference of brightness, what is drawn is lost on its ground.
MIN_CONTRAST = 70


def open_picture(source: str, target: str) -> None:
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(1 << 27)
    import cv2

    picture: Any = cv2.imread(source, cv2.IMREAD_COLOR)
    if picture is None:
        sys.exit(1)
    with open(source, "rb") as file:
        head = file.read(12)
    whole: Any = None
    if head.startswith(b"RIFF"):
        # A single picture that is marked as moving loses its alpha where it is read as a still one.
        _, moving = cv2.imreadanimation(source, 0, 1)
        whole = moving.frames[0] if moving.frames else None
    if whole is None and head.startswith((b"RIFF", b"\x89PNG")):
        whole = cv2.imread(source, cv2.IMREAD_UNCHANGED)
    if whole is not None and whole.ndim == 3 and whole.shape[2] == 4:
        picture = on_its_ground(whole)
    height, width = picture.shape[:2]
    scale = LARGE_SIDE / max(height, width)
    size = max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    cv2.imwrite(target, picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def on_its_ground(picture: Any) -> Any:
    """Return blue, green and red of a picture that has an alpha, too, of 8 or 16 bits."""
    if picture.dtype.itemsize == 2:
        picture = (picture // 257).astype("uint8")
    ground = light_or_dark([picture])
    alpha = picture[..., 3:].astype("uint32")
    return ((picture[..., :3] * alpha + ground * (255 - alpha) + 127) // 255).astype("uint8")


def light_or_dark(pictures: Any) -> int:
    """Return the grey on which what is drawn can be seen best, by its edges: ``pictures`` are BGRA."""
    import cv2
    import numpy as np

    seen = {LIGHT: 0.0, DARK: 0.0}
    for picture in pictures:
        alpha = picture[..., 3].astype(np.float32) / 255
        # What lies on something that is drawn too can be seen in any case.
        is_edge = cv2.dilate(1 - alpha, np.ones((5, 5), dtype=np.uint8))
        weight = alpha**3 * is_edge
        brightness = cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_BGR2GRAY).astype(
            np.float32
        )
        for ground in seen:
            contrast = np.abs(brightness - ground)
            # Of two on which all can be seen, the one with more between them.
            seen[ground] += float((weight * ((contrast > MIN_CONTRAST) + contrast / 1000)).sum())
    return max(seen, key=lambda ground: seen[ground])


if __name__ == "__main__":
    open_picture(*sys.argv[1:])
