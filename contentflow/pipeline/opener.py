"""Open a picture that somebody sent and write it as a plain PNG: ``python opener.py IN OUT.png``.

A script of its own, run on a leash: whatever the picture does to its decoder stays there. It turns
the picture upright as its camera noted, drops all notes, and makes it large, for a smooth move.
"""

from __future__ import annotations

import os
import sys

LARGE_SIDE = 3840


def open_picture(source: str, target: str) -> None:
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(1 << 27)
    import cv2

    picture = cv2.imread(source, cv2.IMREAD_COLOR)
    if picture is None:
        sys.exit(1)
    height, width = picture.shape[:2]
    scale = LARGE_SIDE / max(height, width)
    size = max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    cv2.imwrite(target, picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])


if __name__ == "__main__":
    open_picture(*sys.argv[1:])
