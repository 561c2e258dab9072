"""What yt-dlp starts or imports by itself keeps to the rules of its process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contentflow.pipeline.ffmpeg import find_program
from tests.pipeline.films import film

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "contentflow" / "pipeline"
IMPORTS = f"import sys, subprocess; sys.path.insert(0, {str(FOLDER)!r}); import ytdlp_script; "


def guarded(code: str, folder: Path) -> str:
    """Return what code says in a process that is guarded as that of yt-dlp is."""
    command = [sys.executable, "-I", "-c", f"{IMPORTS}ytdlp_script.guard(); {code}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30).stderr


def ffmpeg_reads(source: str, folder: Path) -> str:
    return guarded(f"subprocess.run({[find_program(), '-i', source, '-f', 'null', '-']!r})", folder)


def test_the_ffmpeg_of_yt_dlp_reads_a_video(tmp_path: Path):
    film(tmp_path / "page.mp4", seconds=0.6)

    assert "Stream #0" in ffmpeg_reads("file:page.mp4", tmp_path)


@pytest.mark.parametrize(
    "playlist",
    ["#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile secret.mp4\n"],
)
def test_the_ffmpeg_of_yt_dlp_reads_no_playlist_that_came_as_a_video(playlist: str, tmp_path: Path):
    film(tmp_path / "secret.mp4", seconds=0.6)
    (tmp_path / "page.mp4").write_text(playlist)

    assert "Stream #0" not in ffmpeg_reads("file:page.mp4", tmp_path)


def test_the_ffmpeg_of_yt_dlp_has_no_network(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as door:
        ffmpeg_reads(f"http://127.0.0.1:{door.getsockname()[1]}/x.mp4", tmp_path)

        door.settimeout(0.2)
        with pytest.raises(TimeoutError):
            door.accept()


@pytest.mark.parametrize("command", ["['sh', '-c', 'touch mark']", "'touch mark', shell=True"])
def test_yt_dlp_starts_no_program_but_ffmpeg(command: str, tmp_path: Path):
    said = guarded(f"subprocess.run({command})", tmp_path)

    assert "FileNotFoundError" in said
    assert not (tmp_path / "mark").exists()


def test_no_client_in_c_passes_the_guard_of_connections_by(tmp_path: Path):
    (tmp_path / "curl_cffi.py").write_text("")

    said = guarded(f"sys.path.insert(0, {str(tmp_path)!r}); import curl_cffi", tmp_path)

    assert "ModuleNotFoundError" in said


def test_what_yt_dlp_started_ends_with_the_worker(tmp_path: Path):
    mark = tmp_path / "alive"
    beat = f"while sleep 0.1; do date +%s%N > {mark}; done"
    inner = f"{IMPORTS}ytdlp_script.end_with_input(); subprocess.run(['sh', '-c', {beat!r}])"
    outer = (
        "import sys, time; from pathlib import Path\n"
        "from contentflow.pipeline.process import ResourceLimits, started\n"
        f"with started([sys.executable, '-I', '-c', {inner!r}], Path({str(tmp_path)!r}),"
        " ResourceLimits(seconds=60), keep_input=True): time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", outer], cwd=ROOT)
    deadline = time.monotonic() + 20
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    worker.kill()
    worker.wait()

    time.sleep(1)
    last = mark.read_text()
    time.sleep(0.5)
    assert mark.read_text() == last
