"""Films of every shape become the same clip: 1080×1920, quiet or loud, with or without words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contentflow.pipeline.clip import RenderSettings, make_clip
from contentflow.pipeline.faces import find_faces
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.probe import MediaInfo, MediaLimits, probe
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions, RenderResult
from contentflow.pipeline.sniff import Kind
from contentflow.pipeline.still import size_of
from tests.pipeline.films import ffmpeg, film, french_voice, real_film, whisper_model

DISCLOSURE_BOX = (slice(300, 370), slice(80, 300))
CAPTION_BOX = (slice(1040, 1240), slice(192, 888))


def render_settings(**more: Any) -> RenderSettings:
    usual: dict[str, Any] = {
        "limits": MediaLimits(),
        "clip_seconds": 60.0,
        "disclosure": "Publicité",
        "whisper_model": "",
        "models": Path("/nonexistent"),
        "max_seconds": 120.0,
    }
    return RenderSettings(**usual | more)


def clip(
    source: Path, folder: Path, options: RenderOptions | None = None, **more: Any
) -> tuple[Path, RenderResult]:
    folder.mkdir()
    return make_clip(
        source, options or RenderOptions(), render_settings(**more), folder, lambda step, share: None
    )


def read(made: Path) -> MediaInfo:
    return probe(made / "clip.mp4", Kind.MP4, MediaLimits())


def frame(made: Path, at: float, folder: Path) -> Any:
    ffmpeg("-ss", str(at), "-i", str(made / "clip.mp4"), "-frames:v", "1", str(folder / "frame.png"))
    picture = cv2.imread(str(folder / "frame.png"))
    assert picture is not None
    return picture


def said_by_ffmpeg(path: Path, *more: str) -> str:
    program = find_program()
    assert program is not None
    return subprocess.run([program, "-i", str(path), *more], capture_output=True, text=True).stderr


HDR = ("-x264-params", "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc")
MATRIX: list[tuple[str, dict[str, Any]]] = [
    ("film.mp4", {}),
    ("film.mov", {"size": "180x320"}),
    ("film.webm", {}),
    ("film.mkv", {"size": "321x181", "more": ("-pix_fmt", "yuv444p")}),
    ("no-sound.mp4", {"more": ("-an",)}),
    ("5.1.mp4", {"more": ("-ac", "6")}),
    ("odd-rate.mkv", {"rate": "59.94"}),
    ("slow.mp4", {"rate": "8"}),
    ("variable.mkv", {"more": ("-vf", "select='not(mod(n,3))+gt(random(0),0.5)'", "-fps_mode", "vfr")}),
    ("flat-pixels.mp4", {"more": ("-vf", "setsar=4/3")}),
    ("tall.mp4", {"size": "100x400"}),
    ("hdr.mp4", {"more": HDR}),
]


@pytest.mark.proof
@pytest.mark.parametrize(("name", "made_of"), MATRIX, ids=[name for name, _ in MATRIX])
def test_every_kind_of_film_becomes_the_same_clip(name: str, made_of: dict[str, Any], tmp_path: Path):
    made, result = clip(film(tmp_path / name, **made_of), tmp_path / "work")

    media = read(made)
    assert (media.width, media.height) == (1080, 1920)
    assert 15 <= media.fps <= 30
    assert media.has_sound == (name != "no-sound.mp4")
    assert media.seconds == pytest.approx(1.0, abs=0.2)
    said = said_by_ffmpeg(made / "clip.mp4")
    assert re.search(r"Video: h264 \(High\).*yuv420p\(tv, bt709", said)
    assert not media.has_sound or "48000 Hz, stereo" in said
    assert "Lavf" not in said
    assert frame(made, 0.5, tmp_path)[700:1200].std() > 40
    assert result.covers == len(list(made.glob("cover-*.jpg"))) >= 1
    for number in range(1, result.covers + 1):
        assert (made / f"poster-{number}.jpg").stat().st_size < 300_000
        poster = cv2.imread(str(made / f"poster-{number}.jpg"))
        assert poster is not None
        assert poster.shape == (630, 1200, 3)


def test_the_index_of_the_clip_comes_before_its_pictures(tmp_path: Path):
    made, _ = clip(film(tmp_path / "film.mp4", seconds=0.6), tmp_path / "work")

    content = (made / "clip.mp4").read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")


@pytest.mark.proof
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_film_held_upright_stands_upright(turn: int, tmp_path: Path):
    upright = tmp_path / "upright.mp4"
    # The upper half is white as it is shown; the file itself lies on its side.
    ffmpeg("-f", "lavfi", "-i", "color=black:s=180x320:d=0.6,drawbox=h=160:color=white:t=fill", str(upright))
    lying = tmp_path / "lying.mp4"
    turns = {90: "transpose=2", 180: "vflip,hflip", 270: "transpose=1"}[turn]
    ffmpeg("-i", str(upright), "-vf", turns, str(lying))
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation:v:0", str(-turn), "-i", str(lying), "-c", "copy", str(turned))

    made, _ = clip(turned, tmp_path / "work")

    picture = frame(made, 0.2, tmp_path)
    assert picture[480, 700].mean() > 200
    assert picture[1600, 700].mean() < 50


@pytest.mark.proof
def test_the_disclosure_stands_on_every_frame_and_can_be_read(tmp_path: Path):
    made, _ = clip(film(tmp_path / "film.mp4"), tmp_path / "work")

    for at in (0.0, 0.9):
        box = cv2.cvtColor(frame(made, at, tmp_path)[DISCLOSURE_BOX], cv2.COLOR_BGR2GRAY)
        assert np.percentile(box, 99) > 200
        assert np.percentile(box, 25) < 100


@pytest.mark.proof
def test_the_letters_of_a_caption_are_there_while_it_is_said_and_not_after(tmp_path: Path):
    dark = tmp_path / "dark.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=180x320:d=2", "-pix_fmt", "yuv420p", str(dark))
    words = ((0.1, 0.5, "Bonjour"), (0.5, 0.9, "Alice"))

    made, result = clip(dark, tmp_path / "work", RenderOptions(subtitles=words))

    assert result.captions == "uploaded"
    assert (made / "captions.srt").read_text().splitlines()[2] == "Bonjour Alice"
    said, after = (frame(made, at, tmp_path)[CAPTION_BOX] for at in (0.3, 1.7))
    gold = (said[..., 2] > 200) & (said[..., 1] > 150) & (said[..., 0] < 110)
    assert gold.sum() > 1_000
    assert (said.min(axis=2) > 200).sum() > 1_000
    assert after.max() < 40


@pytest.mark.proof
@pytest.mark.parametrize("volume", ["0.2", "1"])
def test_quiet_and_loud_films_end_at_14_lufs(volume: str, tmp_path: Path):
    made, _ = clip(
        film(tmp_path / "film.mp4", seconds=3, more=("-af", f"volume={volume}")), tmp_path / "work"
    )

    said = said_by_ffmpeg(made / "clip.mp4", "-af", "ebur128=peak=true", "-f", "null", "-")
    assert float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1]) == pytest.approx(-14, abs=1)
    assert float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", said)[-1]) < 0


@pytest.mark.proof
def test_silence_stays_silent(tmp_path: Path):
    made, result = clip(film(tmp_path / "film.mp4", more=("-af", "volume=0")), tmp_path / "work")

    assert result.captions == "silent"
    assert "max_volume: -91" in said_by_ffmpeg(made / "clip.mp4", "-af", "volumedetect", "-f", "null", "-")


@pytest.mark.proof
def test_a_face_that_moves_stays_in_the_crop(tmp_path: Path):
    portrait = real_film("carphone_pristine")
    walking = tmp_path / "walking.mp4"
    # The real face walks over a wide grey ground, from the left to the right.
    graph = (
        "color=gray:s=1280x360:d=4:r=25[ground];[0:v]scale=440:360,setsar=1[face];"
        "[ground][face]overlay=x='60+t*190':y=0:shortest=1"
    )
    ffmpeg("-i", str(portrait), "-filter_complex", graph, "-pix_fmt", "yuv420p", str(walking))

    made, result = clip(walking, tmp_path / "work", RenderOptions(framing="crop"))

    assert result.framing == "crop"
    ffmpeg("-i", str(made / "clip.mp4"), "-vf", "fps=5,scale=270:480", str(tmp_path / "look-%d.png"))
    places = []
    for path in tmp_path.glob("look-*.png"):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        places += [face.x for face in find_faces(picture)[:1]]  # type: ignore[arg-type]
    assert len(places) >= 5
    assert all(0.2 < place < 0.8 for place in places)


@pytest.mark.proof
def test_a_wide_film_without_faces_is_shown_whole_on_its_own_blur(tmp_path: Path):
    made, result = clip(film(tmp_path / "film.mp4"), tmp_path / "work")

    assert result.framing == "blur"
    picture = frame(made, 0.5, tmp_path).astype(float)
    sharp = np.abs(np.diff(picture[700:1200], axis=1)).mean()
    blurred = np.abs(np.diff(picture[1500:1900], axis=1)).mean()
    assert sharp > 3 * blurred


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_a_picture_says_how_large_it_is_before_it_is_opened(kind: str, tmp_path: Path):
    picture = tmp_path / f"picture.{kind}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x480", "-frames:v", "1", str(picture))

    assert size_of(picture.read_bytes()) == (640, 480)


@pytest.mark.proof
def test_a_picture_becomes_a_short_clip_that_moves_slowly(tmp_path: Path):
    picture = tmp_path / "picture.webp"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x480", "-frames:v", "1", str(picture))

    made, result = clip(picture, tmp_path / "work", clip_seconds=2.0)

    assert result.video_seconds == pytest.approx(6, abs=0.1)
    assert read(made).seconds == pytest.approx(2, abs=0.1)
    first, last = frame(made, 0.1, tmp_path), frame(made, 1.8, tmp_path)
    assert np.abs(first.astype(int) - last).mean() > 1


@pytest.mark.proof
def test_the_liveliest_part_of_a_long_film_is_proposed_and_the_partner_may_choose(tmp_path: Path):
    parts = (
        "color=gray:s=160x90:r=10:d=4[a];testsrc2=s=160x90:r=10:d=3,rotate=t*2[b];"
        "color=gray:s=160x90:r=10:d=4[c];[a][b][c]concat=n=3"
    )
    source = tmp_path / "long.mp4"
    ffmpeg("-filter_complex", parts, "-g", "5", "-pix_fmt", "yuv420p", str(source))

    _, proposed = clip(source, tmp_path / "first", clip_seconds=3.0)
    _, chosen = clip(source, tmp_path / "second", RenderOptions(start=8.0), clip_seconds=3.0)

    assert proposed.start == pytest.approx(4, abs=1)
    assert (chosen.start, chosen.seconds) == (8.0, pytest.approx(3.0, abs=0.2))


@pytest.fixture(scope="module")
def nine_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey and quiet; from 400 s on, four seconds move and sound; the last four seconds are dark."""
    graph = (
        "color=gray:s=128x72:r=5:d=400[a];testsrc2=s=128x72:r=5:d=4,rotate=t*2[b];"
        "color=gray:s=128x72:r=5:d=132[c];color=0x303030:s=128x72:r=5:d=4[d];[a][b][c][d]concat=n=4[v];"
        "sine=frequency=440:d=540,volume='if(between(t,400,404),1,0.1)':eval=frame[s]"
    )
    source = tmp_path_factory.mktemp("long") / "film.mp4"
    ffmpeg(
        "-filter_complex", graph, "-map", "[v]", "-map", "[s]", "-pix_fmt", "yuv420p", "-g", "5", str(source)
    )
    return source


@pytest.mark.proof
def test_nine_minutes_are_looked_through_and_the_liveliest_part_becomes_the_clip(
    nine_minutes: Path, tmp_path: Path
):
    made, result = clip(nine_minutes, tmp_path / "work", clip_seconds=4.0)

    assert result.video_seconds == pytest.approx(540, abs=1)
    assert result.start == pytest.approx(400, abs=1)
    media = read(made)
    assert (media.seconds, media.has_sound) == (pytest.approx(4, abs=0.1), True)
    assert frame(made, 1.5, tmp_path)[700:1200].std() > 40


@pytest.mark.proof
def test_the_end_of_nine_minutes_may_be_the_clip(nine_minutes: Path, tmp_path: Path):
    made, result = clip(nine_minutes, tmp_path / "work", RenderOptions(start=535.0), clip_seconds=60.0)

    assert (result.start, result.seconds) == (535.0, pytest.approx(5, abs=0.1))
    media = read(made)
    assert (media.seconds, media.has_sound) == (pytest.approx(5, abs=0.1), True)
    before, last = (frame(made, at, tmp_path)[800:1100].mean() for at in (0.5, 4.5))
    assert (before, last) == (pytest.approx(128, abs=8), pytest.approx(48, abs=8))


@pytest.mark.proof
@pytest.mark.parametrize(
    ("source", "limits", "reason"),
    [
        ({"seconds": 2}, {"max_seconds": 1.0}, Failure.TOO_LONG),
        ({"seconds": 0.2}, {}, Failure.TOO_SHORT),
        ({}, {"max_side": 300}, Failure.TOO_MANY_PIXELS),
        ({"rate": "60"}, {"max_fps": 50}, Failure.TOO_MANY_FRAMES),
    ],
)
def test_what_is_over_a_limit_is_refused_with_its_reason(
    source: dict[str, Any], limits: dict[str, Any], reason: Failure, tmp_path: Path
):
    with pytest.raises(UnprocessableMedia) as caught:
        clip(film(tmp_path / "film.mp4", **source), tmp_path / "work", limits=MediaLimits(**limits))
    assert caught.value.reason is reason


@pytest.mark.proof
def test_real_french_speech_is_written_on_the_clip(tmp_path: Path):
    voice, model = french_voice("vm-intro"), tmp_path / "model"
    model.mkdir()
    whisper_model(model)
    source = tmp_path / "speech.mp4"
    picture = "color=black:s=180x320:r=15"
    ffmpeg("-f", "lavfi", "-i", picture, "-i", str(voice), "-shortest", "-pix_fmt", "yuv420p", str(source))

    made, result = clip(source, tmp_path / "work", whisper_model=str(model))

    assert result.captions == "heard"
    text = " ".join(word for _, _, word in result.words).lower()
    assert "laissez votre message" in text
    begun = next(start for start, _, word in result.words if word.lower().startswith("laissez"))
    assert (frame(made, begun + 0.1, tmp_path)[CAPTION_BOX].min(axis=2) > 200).sum() > 1_000


def test_without_a_model_nobody_listens_and_the_clip_says_so(tmp_path: Path):
    _, result = clip(film(tmp_path / "film.mp4", seconds=0.6), tmp_path / "work")

    assert (result.captions, result.words) == ("nobody", ())
