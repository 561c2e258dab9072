"""Faces in a small gray picture, by the Haar cascades that come with OpenCV."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

SMALLEST_SHARE = 0.08
TAKES_OVER_AT = 1.4
TAKES_OVER_AFTER = 3
SAME_PERSON_WITHIN = 1.2
# Where nobody was seen for a while, one look a second is enough; a face is looked for in every other sample.
SELDOM, OFTEN = 5, 2
# A face found twice is believed, then looked for by its likeness for three seconds.
SURE_AFTER = 2
LOST_AFTER = 15
MIN_LIKENESS = 0.5


@dataclass(frozen=True)
class Face:
    """Centre and size as shares of the picture's width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


Again = Callable[[int, Face], Face | None]


@functools.cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    cv2.setNumThreads(1)
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"{name}.xml"))


def find_faces(picture: Gray) -> list[Face]:
    """Return the faces that look at us, the largest first."""
    height, width = picture.shape
    least = max(24, int(SMALLEST_SHARE * min(height, width)))
    found = _cascade("haarcascade_frontalface_alt2").detectMultiScale(
        picture, scaleFactor=1.1, minNeighbors=3, minSize=(least, least)
    )
    faces = [
        Face((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
        for x, y, w, h in np.asarray(found).reshape(-1, 4)
    ]
    return sorted(faces, key=lambda face: -face.area)


def look_for_faces(samples: Sequence[Gray], cuts: set[int]) -> list[list[Face]]:
    """Return the faces in each sample; empty too where none was looked for, which is most of the work saved.

    ``cuts`` are the indexes of samples that begin a new shot.
    """
    found: list[list[Face]] = []
    for index, sample in enumerate(samples):
        is_watched = index % OFTEN == 0 and any(found[-SELDOM:])
        is_due = index % SELDOM == 0 or index in cuts or is_watched
        found.append(find_faces(sample) if is_due else [])
    return found


def count_open_eyes(picture: Gray, face: Face) -> int:
    """Return 0, 1 or 2."""
    height, width = picture.shape
    left, right = int((face.x - face.width / 2) * width), int((face.x + face.width / 2) * width)
    top, bottom = int((face.y - face.height * 0.35) * height), int((face.y + face.height * 0.05) * height)
    upper = picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if min(upper.shape) < 8:
        return 0
    upper = cv2.resize(upper, (160, max(8, 160 * upper.shape[0] // upper.shape[1])))  # type: ignore[assignment]
    eyes = _cascade("haarcascade_eye").detectMultiScale(
        upper, scaleFactor=1.1, minNeighbors=4, minSize=(20, 20)
    )
    return min(2, len(eyes))


def find_again(before: Gray, after: Gray, face: Face) -> Face | None:
    """Return where a face went that turned or frowned: the same patch, near to where it was."""
    height, width = before.shape
    top, bottom, left, right = _box(face, height, width, 1.0)
    far_top, far_bottom, far_left, far_right = _box(face, height, width, 2.2)
    patch, near = before[top:bottom, left:right], after[far_top:far_bottom, far_left:far_right]
    if min(patch.shape) < 8 or patch.std() < 4:
        return None
    _, likeness, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(near, patch, cv2.TM_CCOEFF_NORMED))
    if likeness < MIN_LIKENESS:
        return None
    return replace(face, x=face.x + (far_left + x - left) / width, y=face.y + (far_top + y - top) / height)


def _box(face: Face, height: int, width: int, zoom: float) -> tuple[int, int, int, int]:
    half_x, half_y = zoom * face.width / 2, zoom * face.height / 2
    return (
        max(0, round((face.y - half_y) * height)),
        min(height, round((face.y + half_y) * height)),
        max(0, round((face.x - half_x) * width)),
        min(width, round((face.x + half_x) * width)),
    )


def follow(
    samples: Sequence[Sequence[Face]], cuts: set[int], again: Again = lambda index, face: None
) -> list[Face | None]:
    """Choose one face in each sample: the largest person, who is kept until another is clearly larger.

    ``cuts`` are the indexes of samples that begin a new shot. ``again(index, face)`` looks in a
    sample for the face that was in the one before. A face seen once and never again is an error.
    """
    chosen: list[Face | None] = []
    current: Face | None = None
    outdone = seen = unseen = 0
    for index, faces in enumerate(samples):
        if index in cuts:
            current, outdone, seen, unseen = None, 0, 0, 0
        same = _same_person(current, faces)
        largest = faces[0] if faces else None
        # Somebody else is clearly larger, or here while the one who was followed is not.
        is_outdone = current and largest and (same is None or largest.area > TAKES_OVER_AT * same.area)
        outdone = outdone + 1 if is_outdone else 0
        if current is None or outdone >= TAKES_OVER_AFTER:
            same, outdone, seen = largest, 0, 0
        seen, unseen = (seen, unseen + 1) if same is None else (seen + 1, 0)
        if same is None and current is not None and seen >= SURE_AFTER and unseen <= LOST_AFTER:
            same = again(index, current)
        chosen.append(same)
        current = same or current
    return [
        face if any(chosen[max(0, index - 3) : index] + chosen[index + 1 : index + 4]) else None
        for index, face in enumerate(chosen)
    ]


def _same_person(current: Face | None, faces: Sequence[Face]) -> Face | None:
    if current is None:
        return None
    near = [
        face
        for face in faces
        if abs(face.x - current.x) < SAME_PERSON_WITHIN * current.width
        and abs(face.y - current.y) < SAME_PERSON_WITHIN * current.height
        and 0.5 < face.area / current.area < 2.0
    ]
    return min(near, key=lambda face: abs(face.x - current.x), default=None)
