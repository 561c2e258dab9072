"""A file that calls itself a picture costs the worker no memory and no time, however large it is."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from contentflow.pipeline.reasons import Reason, Unfit
from contentflow.pipeline.still import check_size

MARKS = b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2_000_000


def test_a_huge_picture_is_judged_by_its_head_alone(tmp_path: Path):
    picture = tmp_path / "picture"
    with picture.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(300_000_000)

    tracemalloc.start()
    with pytest.raises(Unfit):
        check_size(picture, 4096)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20_000_000


def test_a_jpeg_of_notes_alone_is_given_up_soon(tmp_path: Path):
    picture = tmp_path / "picture"
    with picture.open("wb") as file:
        for _ in range(10):
            file.write(MARKS)
    began = time.monotonic()

    with pytest.raises(Unfit) as caught:
        check_size(picture, 4096)

    assert caught.value.reason is Reason.UNREADABLE
    assert time.monotonic() - began < 2
