"""One call to a platform: how it is made, and what its answer means where all platforms mean the same."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.bodies import Body
from contentflow.core.outbound import Answer, NoAnswer, NotReached, call, call_stranger

log = logging.getLogger(__name__)

UPLOAD_BYTES_A_SECOND = 100_000
MAX_TEXT = 255
MAX_WAIT = timedelta(days=1)
DEFAULT_WAIT_SECONDS = 60.0


def ask_stranger(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: Body | None = None
) -> Answer:
    """Call a host that a partner typed; raises ``NotReached`` and ``NoAnswer``."""
    trusted = settings().trusted_origins
    return call_stranger(method, url, _seconds(body), trusted_origins=trusted, headers=headers, body=body)


def ask(method: str, url: str, headers: Mapping[str, str] | None = None, body: Body | None = None) -> Answer:
    """Call a fixed platform; raises ``NotReached`` and ``NoAnswer``."""
    return call(method, url, _seconds(body), headers=headers, body=body)


def _seconds(body: Body | None) -> float:
    """A whole film may take longer than an exchange of words, and never for ever."""
    size = body.length if body is not None else 0
    return settings().publish_timeout_seconds + size / UPLOAD_BYTES_A_SECOND


def wait_told(answer: Answer) -> float:
    """Return the seconds that an answer asks to wait, a minute where it says nothing, a day at most."""
    told = answer.headers.get("Retry-After") or ""
    reset = answer.headers.get("X-RateLimit-Reset") or answer.headers.get("RateLimit-Reset") or ""
    seconds = _seconds_in(told) or _seconds_in(reset) or DEFAULT_WAIT_SECONDS
    return min(max(seconds, 1.0), MAX_WAIT.total_seconds())


def _seconds_in(text: str) -> float:
    """Read seconds, Unix seconds, an HTTP date or an ISO time."""
    now = clock.now()
    if re.fullmatch(r"[0-9]{1,12}", text):
        number = float(text)
        return number - now.timestamp() if number > 1_000_000_000 else number
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - now).total_seconds()
    return 0.0


def text_in(fields: Mapping[str, Any], name: str, max_length: int = MAX_TEXT) -> str:
    """Return a stranger's text, one printable line of ``max_length`` characters at most; "" for no text."""
    found = fields.get(name)
    if not isinstance(found, str):
        return ""
    return "".join(letter for letter in found if letter.isprintable())[:max_length]


def number_in(fields: Any, *path: str, maximum: int = 10**12) -> int | None:
    """Return a whole number from 0 to ``maximum`` that stands there; None for anything else."""
    for name in path:
        fields = fields.get(name) if isinstance(fields, dict) else None
    is_number = isinstance(fields, int) and not isinstance(fields, bool)
    return fields if is_number and 0 <= fields <= maximum else None


__all__ = ["NoAnswer", "NotReached", "ask", "ask_stranger", "number_in", "text_in", "wait_told"]
