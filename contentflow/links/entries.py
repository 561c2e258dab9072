"""A click to be written, and the line that it is in the spool."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime


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
    fields = {**asdict(entry), "at": entry.at.isoformat(), "verdict": str(entry.verdict)}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Entry:
    """Raises ``ValueError`` for a line that is incomplete, ``TypeError`` for one that is no entry."""
    fields = json.loads(line)
    if not isinstance(fields, dict) or not isinstance(fields.get("at"), str):
        raise TypeError("not an entry")
    return Entry(**{**fields, "at": datetime.fromisoformat(fields["at"]).astimezone(UTC)})
