"""The way of the crop over the picture: calm, damped, and free to jump only where the film cuts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]

SLACK = 0.12
SMOOTH_SECONDS = 0.7


def camera_path(
    centres: Sequence[float | None],
    samples_per_second: float,
    cuts: Sequence[float],
    frames: int,
    fps: float,
    crop_share: float,
) -> Path:
    """Return where the crop's centre is in each frame, 0 to 1 over the picture.

    ``centres`` is where the face was in each sample; ``crop_share`` is the crop's size in that
    direction as a share of the picture's. A face may move by ``SLACK`` of the crop before the
    camera does. A shot without a face is shown in its middle.
    """
    path = np.full(frames, 0.5)
    edges = [0, *sorted({min(frames, max(0, round(cut * fps))) for cut in cuts}), frames]
    times = np.arange(len(centres)) / samples_per_second
    for first, last in pairwise(edges):
        if last > first:
            path[first:last] = _shot(centres, times, first, last, fps, SLACK * crop_share)
    half = crop_share / 2
    return np.asarray(np.clip(path, half, max(half, 1 - half)))


def _shot(
    centres: Sequence[float | None], times: Path, first: int, last: int, fps: float, slack: float
) -> Path:
    # A sample of the shot before is no word on this one, so half a frame is kept clear of the cuts.
    inside = (times >= (first - 0.5) / fps) & (times < (last - 0.5) / fps)
    seen = [
        (time, centre)
        for time, centre, here in zip(times, centres, inside, strict=True)
        if here and centre is not None
    ]
    if not seen:
        return np.full(last - first, 0.5)
    known_times, known = np.array(seen, dtype=np.float64).T
    grid = np.arange(first, last) / fps
    if len(known) > 2:  # Each value's median with its neighbours: a single wrong sample moves nothing.
        padded = np.pad(known, 1, mode="edge")
        known = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    # Move only as far as needed to keep the target within ``slack``.
    targets = np.interp(grid, known_times, known)
    path = np.empty_like(targets)
    place = float(np.median(targets[: max(1, len(targets) // 4)]))
    for index, target in enumerate(targets):
        place = min(max(place, target - slack), target + slack)
        path[index] = place
    # Ease in and out, as a heavy camera would; nothing lags, since the whole way is known.
    sigma = SMOOTH_SECONDS * fps
    reach = int(3 * sigma)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    # A move goes on past the shot's ends as it began, so the camera does not hang back there.
    padded = (
        np.pad(path, reach, mode="reflect", reflect_type="odd")
        if len(path) > 1
        else np.pad(path, reach, "edge")
    )
    return np.convolve(padded, window / window.sum(), mode="valid")
