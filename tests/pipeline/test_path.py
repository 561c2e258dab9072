"""The crop follows a face calmly, jumps only at cuts, and keeps to the larger of two people."""

from __future__ import annotations

import numpy as np
import pytest

from contentflow.pipeline import faces as faces_module
from contentflow.pipeline.faces import Face, find_faces, follow, look_for_faces
from contentflow.pipeline.path import camera_path

FPS, SAMPLES = 25.0, 5.0
SHARE = 0.316  # 9:16 out of 16:9


def face(x: float, size: float = 0.2) -> Face:
    return Face(x, 0.4, size, size)


def path_of(centres: list[float | None], cuts: tuple[float, ...] = ()) -> np.ndarray:
    frames = round(len(centres) / SAMPLES * FPS)
    return camera_path(centres, SAMPLES, cuts, frames, FPS, SHARE)


def test_a_face_that_trembles_does_not_move_the_camera():
    path = path_of([0.5 + 0.01 * (-1) ** i for i in range(50)])

    assert np.ptp(path) < 0.001


def test_one_wrong_sample_does_not_move_the_camera():
    centres: list[float | None] = [0.5] * 50
    centres[20] = 0.9

    assert np.ptp(path_of(centres)) < 0.001


def test_a_face_that_walks_stays_in_the_crop_and_the_camera_never_jerks():
    walk = [0.25 + 0.5 * i / 60 for i in range(61)]
    path = path_of(walk)

    where = np.interp(np.arange(len(path)) / FPS, np.arange(61) / SAMPLES, walk)
    assert np.all(np.abs(path - where) < SHARE / 2 - 0.05)
    speed = np.diff(path)
    assert np.abs(np.diff(speed)).max() < 0.001


def test_the_camera_jumps_at_a_cut_and_only_there():
    path = path_of([0.3] * 25 + [0.7] * 25, cuts=(5.0,))

    [jump] = np.flatnonzero(np.abs(np.diff(path)) > 0.01)
    assert jump + 1 == 125
    assert path[124] == pytest.approx(0.3, abs=0.01)
    assert path[125] == pytest.approx(0.7, abs=0.01)


def test_a_shot_without_a_face_is_shown_in_its_middle():
    assert np.all(path_of([None] * 10) == 0.5)


def test_the_crop_never_leaves_the_picture():
    path = path_of([0.0] * 20 + [1.0] * 20)

    assert path.min() >= SHARE / 2
    assert path.max() <= 1 - SHARE / 2


def test_the_larger_of_two_people_is_followed():
    samples = [[face(0.7, 0.3), face(0.3, 0.2)]] * 10

    assert {chosen.x for chosen in follow(samples, set()) if chosen} == {0.7}


def test_another_person_takes_over_only_after_a_while():
    both = [face(0.7, 0.3), face(0.3, 0.2)]
    chosen = follow([[face(0.3, 0.2)]] * 5 + [both] * 2 + [[face(0.3, 0.2)]] * 5, set())

    assert {each.x for each in chosen if each} == {0.3}


def test_after_a_cut_the_choice_is_made_anew():
    samples = [[face(0.3, 0.2)]] * 5 + [[face(0.7, 0.2), face(0.3, 0.15)]] * 5

    assert [each.x for each in follow(samples, {5}) if each] == [0.3] * 5 + [0.7] * 5


def test_a_face_seen_once_is_taken_for_an_error():
    assert not any(follow([[]] * 5 + [[face(0.5)]] + [[]] * 5, set()))


def test_an_even_picture_has_no_face():
    assert find_faces(np.full((180, 320), 128, dtype=np.uint8)) == []


def test_faces_are_looked_for_once_a_second_until_somebody_is_there(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []

    def found(sample: np.ndarray) -> list[Face]:
        asked.append(int(sample[0, 0]))
        return [face(0.5)] if 10 <= sample[0, 0] <= 14 else []

    monkeypatch.setattr(faces_module, "find_faces", found)
    samples = [np.full((2, 2), index, dtype=np.uint8) for index in range(30)]

    look_for_faces(samples, cuts={23})

    assert asked == [0, 5, 10, 12, 14, 15, 16, 18, 20, 23, 25]
