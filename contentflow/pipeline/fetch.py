"""Get the video of an address: a direct file, or what yt-dlp finds on the page, in its own process."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from contentflow.core.download import DownloadFailure, DownloadLimits, DownloadRefused, download
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.process import MIB, Overran, ResourceLimits, started
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.sniff import is_page

log = logging.getLogger(__name__)

PAGE_READER = Path(__file__).with_name("ytdlp_script.py")
# yt-dlp inflates a whole page at once; with its own ffmpeg it needs a quarter of this.
PAGE_MEMORY_BYTES = 1_024 * MIB

_REASONS = {
    DownloadFailure.URL: Failure.URL,
    DownloadFailure.PRIVATE_ADDRESS: Failure.PRIVATE_ADDRESS,
    DownloadFailure.UNKNOWN_HOST: Failure.UNREACHABLE,
    DownloadFailure.UNREACHABLE: Failure.UNREACHABLE,
    DownloadFailure.TOO_SLOW: Failure.TOO_SLOW,
    DownloadFailure.TOO_LARGE: Failure.TOO_LARGE,
    DownloadFailure.TOO_MANY_REDIRECTS: Failure.URL,
    DownloadFailure.CLOSED: Failure.CLOSED,
    DownloadFailure.GONE: Failure.GONE,
    DownloadFailure.BUSY: Failure.BUSY,
    DownloadFailure.REJECTED: Failure.UNREACHABLE,
}
# Another try may succeed without the partner doing anything.
_PASSING = {DownloadFailure.UNKNOWN_HOST, DownloadFailure.UNREACHABLE, DownloadFailure.BUSY}

# What yt-dlp says, first that fits.
_COMPLAINTS = (
    (
        r"not a bot|captcha|confirm you.re|unusual traffic|IP address is blocked|Error 429",
        Failure.ROBOT_CHECK,
    ),
    (r"private address", Failure.PRIVATE_ADDRESS),
    (r"max-filesize|larger than|too large", Failure.TOO_LARGE),
    (r"password", Failure.CLOSED),
    (r"DRM|protected", Failure.PROTECTED),
    (r"is live|live event|will begin|premieres", Failure.LIVE),
    (
        r"private|log ?in|sign in|logged|members.only|authenti|cookies|age.restrict"
        r"|your (?:country|location|region)|HTTP Error 4(?:01|03|51)",
        Failure.CLOSED,
    ),
    (r"HTTP Error 5|rate.limit", Failure.BUSY),
    (r"unavailable|removed|not exist|deleted|HTTP Error 4(04|10)", Failure.GONE),
    (r"unsupported url|no video|no formats|requested format|no media", Failure.NO_VIDEO),
    (r"failed to (?:resolve|establish)|timed out|closed connection|certificate", Failure.UNREACHABLE),
)
_PASSING_REASONS = {Failure.BUSY, Failure.UNREACHABLE}
# An address or a name may hold any words.
_NAMES = re.compile(r"https?://\S+|'[^'\s]*'")


def fetch(
    url: str,
    target: Path,
    folder: Path,
    limits: DownloadLimits,
    on_progress: Callable[[float], object] = lambda share: None,
) -> Path:
    """Write the video of ``url`` to ``target``; the limits hold for all of it together.

    Raises ``UnprocessableMedia``.
    """
    began = time.monotonic()
    try:
        is_file = download(
            url, target, limits, wanted=lambda head: not is_page(head), on_progress=on_progress
        )
    except DownloadRefused as refused:
        is_passing = refused.refusal in _PASSING
        if refused.refusal is not DownloadFailure.CLOSED:  # Its page may be open to yt-dlp.
            raise UnprocessableMedia(_REASONS[refused.refusal], is_passing=is_passing) from None
        is_file = False
    if is_file:
        return target
    left = replace(limits, max_seconds=limits.max_seconds - (time.monotonic() - began))
    return _fetch_from_page(url, target, folder, left, on_progress)


def _fetch_from_page(
    url: str, target: Path, folder: Path, limits: DownloadLimits, on_progress: Callable[[float], object]
) -> Path:
    order = {
        "url": url,
        "folder": str(folder.resolve()),
        "max_bytes": limits.max_bytes,
        "ffmpeg": find_program() or "",
    }
    command = [sys.executable, "-I", str(PAGE_READER)]
    process_limits = ResourceLimits(
        seconds=limits.max_seconds,
        memory_bytes=PAGE_MEMORY_BYTES,
        reserves=True,
        file_bytes=limits.max_bytes + 1,
    )
    try:
        result = _converse(command, folder, process_limits, order, on_progress)
    except Overran:
        raise UnprocessableMedia(Failure.TOO_SLOW) from None
    if result.get("file"):
        made = folder / Path(str(result["file"])).name
        return made.rename(target)
    raise _complaint(str(result.get("error", "")), str(result.get("heard", "")))


def _converse(
    command: list[str],
    folder: Path,
    limits: ResourceLimits,
    order: object,
    on_progress: Callable[[float], object],
) -> dict[str, object]:
    result: dict[str, object] = {}
    with started(command, folder, limits, keep_input=True) as process:
        assert process.stdin is not None and process.stdout is not None
        # The pipe stays open: the child ends with all that it started once we are gone.
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and "share" in said:
                on_progress(float(str(said["share"])))
            elif isinstance(said, dict) and said:
                result = said
    return result


def _complaint(error: str, heard: str = "") -> UnprocessableMedia:
    """Judge by the error, and by what was heard before it only where that says nothing."""
    error, heard = (_NAMES.sub("…", said) for said in (error, heard))
    log.warning("no video came from a page: %s", (error or heard)[:300])
    for said in (error, heard):
        for pattern, reason in _COMPLAINTS:
            if re.search(pattern, said, re.I):
                return UnprocessableMedia(reason, is_passing=reason in _PASSING_REASONS)
    return UnprocessableMedia(Failure.NO_VIDEO)
