"""Take the video out of a web page: yt-dlp, alone in a process whose connections are all checked.

A script of its own, without the rest of the product: ``python ytdlp_script.py``. It reads one order as JSON
from its standard input and says on its output, a line each, how far it is and how it ended. It ends
itself and all that it started when its input closes.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import Any

PORTS = (80, 443)
MAX_SIDE = 1920
PLAIN = "[protocol^=http][protocol!*=dash]"
SPLIT = f"bv*[ext=mp4]{PLAIN}+ba[ext=m4a]{PLAIN}"
PR_SET_PDEATHSIG = 1
PROGRAMS = ("ffmpeg", "ffprobe", "deno")
# What yt-dlp joins or mends was downloaded a moment ago: it may be a playlist that names other files.
READS_FILES = ("-protocol_whitelist", "file", "-format_whitelist", "mov,mp4,matroska,webm,mpegts,aac,mp3")
HLS = "[protocol=m3u8_native]"
OTHER = "[protocol^=http]"  # Never one for which yt-dlp would start a program with a network of its own.
FORMATS = f"b[ext=mp4]{PLAIN}/{SPLIT}/b{PLAIN}/b{HLS}/bv*{HLS}+ba{HLS}/b{OTHER}/bv*{OTHER}+ba{OTHER}"


# ``core.net`` is loaded alone: the package around it would bring all of the product into this process.
_spec = importlib.util.spec_from_file_location("net", Path(__file__).parents[1] / "core" / "net.py")
assert _spec is not None and _spec.loader is not None
net: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(net)


def guard() -> None:
    guard_connections()
    guard_programs()
    sys.modules["curl_cffi"] = None  # type: ignore[assignment]  # Its connections are made in C.


def guard_programs() -> None:
    """Let yt-dlp start ffmpeg alone, which reads files of known formats, and deno, which it runs without
    a network: rtmpdump or phantomjs, where they are installed, would connect to anything."""
    start = subprocess.Popen.__init__

    def guarded(self: Any, args: Any, *more: Any, **options: Any) -> None:
        if isinstance(args, str) or not Path(str(args[0])).name.startswith(PROGRAMS):
            raise FileNotFoundError("not a program of the page reader")
        limited = [part for each in args for part in ((*READS_FILES, each) if each == "-i" else (each,))]
        start(self, limited, *more, **options)

    subprocess.Popen.__init__ = guarded  # type: ignore[method-assign]


def guard_connections() -> None:
    """Refuse, for all code of this process, every connection but to a public address on a web port."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6):
            raise PermissionError("private address")
        host, port = str(address[0]).partition("%")[0], int(address[1])
        try:
            is_open = net.is_public(ip_address(host)) and port in PORTS
        except ValueError:  # A name would be resolved by the system after the check, perhaps to another.
            is_open = False
        if not is_open:
            raise PermissionError("private address")
        return connect(self, address)

    return guarded


def options(folder: str, max_bytes: int, ffmpeg: str) -> dict[str, Any]:
    return {
        "format": FORMATS,
        "format_sort": [f"res:{MAX_SIDE}", "vcodec:h264"],
        "outtmpl": {"default": os.path.join(folder.replace("%", "%%"), "page.%(ext)s")},
        "paths": {"home": folder, "temp": folder},
        "noplaylist": True,
        "playlist_items": "1",
        "extract_flat": "discard_in_playlist",
        "max_filesize": max_bytes,
        "max_downloads": 1,
        "socket_timeout": 10,
        "retries": 2,
        "fragment_retries": 2,
        "skip_unavailable_fragments": False,
        "extractor_retries": 1,
        "cachedir": False,
        "cookiefile": None,
        "usenetrc": False,
        "allow_unplayable_formats": False,
        "hls_prefer_native": True,
        "external_downloader": {"default": "native"},
        "enable_file_urls": False,
        "ffmpeg_location": ffmpeg or None,
        "merge_output_format": "mp4",
        "proxy": "",
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "color": "never",
        "updatetime": False,
        "match_filter": _no_live,
        "progress_hooks": [lambda at: _tell_progress(at, max_bytes)],
    }


def _no_live(info: dict[str, Any], *, incomplete: bool = False) -> str | None:
    return "This is live" if info.get("is_live") or info.get("live_status") == "is_upcoming" else None


def _tell_progress(at: dict[str, Any], max_bytes: int) -> None:
    done = at.get("downloaded_bytes") or 0
    if done > max_bytes:
        raise ValueError("larger than max-filesize")
    total = at.get("total_bytes") or at.get("total_bytes_estimate") or 0
    if total:
        _say({"share": min(1.0, done / total)})


def take(order: dict[str, Any]) -> dict[str, Any]:
    """Return ``file``, or the ``error`` and what was ``heard`` before it."""
    import yt_dlp

    heard: list[str] = []
    chosen = options(order["folder"], order["max_bytes"], order["ffmpeg"]) | {"logger": _Log(heard)}
    try:
        with yt_dlp.YoutubeDL(chosen) as downloader:
            downloader.extract_info(order["url"])
    except yt_dlp.utils.MaxDownloadsReached:
        pass
    except Exception as error:
        # Without the name of the video, which may be any words.
        said = getattr(error.__context__, "orig_msg", "") or str(error)
        return {"error": said[:1000], "heard": " ".join(heard)[:2000]}
    made = [
        name
        for name in os.listdir(order["folder"])
        if name.startswith("page.") and not name.endswith(".part")
    ]
    return {"file": made[0]} if len(made) == 1 else {"heard": " ".join(heard)[:2000]}


class _Log:
    """Where yt-dlp writes: what it holds against the video is kept, nothing reaches our output."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def debug(self, text: str) -> None:
        if text.lstrip().startswith("[download] "):
            self.warning(text)

    def warning(self, text: str) -> None:
        self._heard.append(text[:300])
        del self._heard[:-20]

    def error(self, text: str) -> None:
        """It is raised, too."""


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def end_with_input() -> None:
    """From now on this process and all that it starts end together, once nobody holds our input."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    # The resource limits would kill this process alone, before it could end the others.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    end_with_input()
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    guard()
    _say(take(order))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
