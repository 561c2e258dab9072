"""A click to be written, and the line that it is in the spool."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from contentflow.links.verdicts import Verdict

_PLAIN = re.compile(r"[ -~]{1,128}")  # Ids, hashes and words of ours are never longer.


@dataclass(frozen=True)
class Entry:
    """``verdict`` is provisional when it is ``valid``: the clicks before it may make it a duplicate.

    The ``earlier`` hashes are the same visitor's and address's under yesterday's key, in the first hour
    of a day.
    """

    id: str
    link_id: str
    is_credited: bool
    at: datetime
    verdict: str
    agent_class: str
    visitor_hash: str | None = None
    earlier_hash: str | None = None
    ip_hash: str | None = None
    earlier_ip_hash: str | None = None
    block_hash: str | None = None


def to_line(entry: Entry) -> bytes:
    written = {**asdict(entry), "at": entry.at.isoformat(), "verdict": str(entry.verdict)}
    return json.dumps(written, separators=(",", ":")).encode() + b"\n"


class NotAnEntry(Exception):
    """A line that no click can be read from: torn in writing, or spoilt on the disk."""


def from_line(line: bytes) -> Entry:
    """Raises ``NotAnEntry``; what it returns has the types and the letters that the database takes."""
    try:
        found = json.loads(line)
        entry = Entry(**{**found, "at": datetime.fromisoformat(found["at"]).astimezone(UTC)})
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise NotAnEntry from error
    if entry.verdict not in set(Verdict):
        raise NotAnEntry("verdict")
    for item in fields(Entry):
        value, kind = getattr(entry, item.name), str(item.type)
        if not _fits(value, kind):
            raise NotAnEntry(item.name)
    return entry


def _fits(value: object, kind: str) -> bool:
    if isinstance(value, bool | datetime):
        return kind == type(value).__name__
    if value is None:
        return kind.endswith("| None")
    return isinstance(value, str) and kind.startswith("str") and _PLAIN.fullmatch(value) is not None
