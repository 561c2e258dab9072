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

from contentflow.core.download import DownloadRefused, Limits, Refusal, download
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.process import MIB, Leash, Overran, started
from contentflow.pipeline.reasons import Reason, Unfit
from contentflow.pipeline.sniff import is_page

log = logging.getLogger(__name__)

PAGE_READER = Path(__file__).with_name("page.py")
# yt-dlp inflates a whole page at once; with its own ffmpeg it needs a quarter of this.
PAGE_MEMORY_BYTES = 1_024 * MIB

_REASONS = {
    Refusal.URL: Reason.URL,
    Refusal.PRIVATE_ADDRESS: Reason.PRIVATE_ADDRESS,
    Refusal.UNKNOWN_HOST: Reason.UNREACHABLE,
    Refusal.UNREACHABLE: Reason.UNREACHABLE,
    Refusal.TOO_SLOW: Reason.TOO_SLOW,
    Refusal.TOO_LARGE: Reason.TOO_LARGE,
    Refusal.TOO_MANY_REDIRECTS: Reason.URL,
    Refusal.CLOSED: Reason.CLOSED,
    Refusal.GONE: Reason.GONE,
    Refusal.BUSY: Reason.BUSY,
    Refusal.REJECTED: Reason.UNREACHABLE,
}
# Another try may succeed without the partner doing anything.
_PASSING = {Refusal.UNKNOWN_HOST, Refusal.UNREACHABLE, Refusal.BUSY}

# What yt-dlp says, first that fits.
_COMPLAINTS = (
    (r"not a bot|captcha|confirm you.re|unusual traffic|IP address is blocked|Error 429", Reason.ROBOT_CHECK),
    (r"private address", Reason.PRIVATE_ADDRESS),
    (r"max-filesize|larger than|too large", Reason.TOO_LARGE),
    (r"password", Reason.CLOSED),
    (r"DRM|protected", Reason.PROTECTED),
    (r"is live|live event|will begin|premieres", Reason.LIVE),
    (
        r"private|log ?in|sign in|logged|members.only|authenti|cookies|age.restrict"
        r"|your (?:country|location|region)|HTTP Error 4(?:01|03|51)",
        Reason.CLOSED,
    ),
    (r"HTTP Error 5|rate.limit", Reason.BUSY),
    (r"unavailable|removed|not exist|deleted|HTTP Error 4(04|10)", Reason.GONE),
    (r"unsupported url|no video|no formats|requested format|no media", Reason.NO_VIDEO),
    (r"failed to (?:resolve|establish)|timed out|closed connection|certificate", Reason.UNREACHABLE),
)
_PASSING_REASONS = {Reason.BUSY, Reason.UNREACHABLE}
# An address or a name may hold any words.
_NAMES = re.compile(r"https?://\S+|'[^'\s]*'")


def fetch(
    url: str,
    target: Path,
    folder: Path,
    limits: Limits,
    on_progress: Callable[[float], object] = lambda share: None,
) -> Path:
    """Write the video of ``url`` to ``target``; raises ``Unfit``. The limits hold for all of it together."""
    began = time.monotonic()
    try:
        is_file = download(
            url, target, limits, wanted=lambda head: not is_page(head), on_progress=on_progress
        )
    except DownloadRefused as refused:
        is_passing = refused.refusal in _PASSING
        if refused.refusal is not Refusal.CLOSED:  # A site may close its page to us, but not to yt-dlp.
            raise Unfit(_REASONS[refused.refusal], is_passing=is_passing) from None
        is_file = False
    if is_file:
        return target
    left = replace(limits, most_seconds=limits.most_seconds - (time.monotonic() - began))
    return _fetch_from_page(url, target, folder, left, on_progress)


def _fetch_from_page(
    url: str, target: Path, folder: Path, limits: Limits, on_progress: Callable[[float], object]
) -> Path:
    order = {
        "url": url,
        "folder": str(folder.resolve()),
        "most_bytes": limits.most_bytes,
        "ffmpeg": find_program() or "",
    }
    command = [sys.executable, "-I", str(PAGE_READER)]
    leash = Leash(
        seconds=limits.most_seconds,
        memory_bytes=PAGE_MEMORY_BYTES,
        reserves=True,
        file_bytes=limits.most_bytes + 1,
    )
    try:
        result = _converse(command, folder, leash, order, on_progress)
    except Overran:
        raise Unfit(Reason.TOO_SLOW) from None
    if result.get("file"):
        made = folder / Path(str(result["file"])).name
        return made.rename(target)
    raise _complaint(str(result.get("error", "")), str(result.get("heard", "")))


def _converse(
    command: list[str], folder: Path, leash: Leash, order: object, on_progress: Callable[[float], object]
) -> dict[str, object]:
    result: dict[str, object] = {}
    with started(command, folder, leash, keep_input=True) as process:
        assert process.stdin is not None and process.stdout is not None
        # The pipe stays open: the child ends with all that it started once we are gone.
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        for line in process.stdout:
            said = _read_line(line)
            if "share" in said:
                on_progress(float(str(said["share"])))
            elif said:
                result = said
    return result


def _read_line(line: bytes) -> dict[str, object]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _complaint(error: str, heard: str = "") -> Unfit:
    """Judge by the error, and by what was heard before it only where that says nothing."""
    error, heard = (_NAMES.sub("…", said) for said in (error, heard))
    log.warning("no video came from a page: %s", (error or heard)[:300])
    for said in (error, heard):
        for pattern, reason in _COMPLAINTS:
            if re.search(pattern, said, re.I):
                return Unfit(reason, is_passing=reason in _PASSING_REASONS)
    return Unfit(Reason.NO_VIDEO)
