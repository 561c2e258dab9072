"""What stands in an event of Brevo's, read from its webhook or its statistics. Pure.

https://developers.brevo.com/docs/transactional-webhooks: ``ts_event`` and ``ts_epoch`` are UTC, ``date`` is
the account's own time and is not looked at; ``id`` is the webhook's, not the mail's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_HUMP = re.compile("(?<=[a-z])(?=[A-Z])")
_MILLISECONDS = 100_000_000_000  # As seconds it were the year 5138.
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800  # 2000 and 2100

# A subscription and the statistics name some events otherwise than the payloads do.
SAME_AS: Final = {
    "sent": "request",
    "requests": "request",
    "invalid": "invalid_email",
    "complaint": "spam",
    "complaints": "spam",
    "hard_bounces": "hard_bounce",
    "soft_bounces": "soft_bounce",
    "clicks": "click",
    "clicked": "click",
    "open": "opened",
    "unsubscribe": "unsubscribed",
    "loaded_by_proxy": "proxy_open",
    "unique_loaded_by_proxy": "unique_proxy_open",
}
KNOWN: Final = frozenset(
    {"request", "delivered", "deferred", "soft_bounce", "hard_bounce", "invalid_email", "blocked", "spam"}
    | {"unsubscribed", "error", "click", "opened", "unique_opened", "proxy_open", "unique_proxy_open"}
)
# What readers do: it counts in sums. Only a click is told to its recipient's books, which add it up and
# date the last one. Proxies open mails that nobody reads.
IN_SUMS: Final = frozenset({"click", "opened", "unique_opened", "proxy_open", "unique_proxy_open"})
CLICK: Final = "click"
# Brevo took the mail and gave it to no server.
NEVER_LEFT: Final = frozenset({"invalid_email", "blocked", "error"})
# What ends an address for share mail, and why.
ENDS: Final[Mapping[str, str]] = {
    "hard_bounce": "bounce",
    "invalid_email": "bounce",
    "spam": "complaint",
    "unsubscribed": "unsubscribe",
}


@dataclass(frozen=True)
class MailReport:
    """``message_id`` without brackets, ``our_id`` and ``address`` are empty where none came."""

    event: str
    occurred_at: datetime
    message_id: str = ""
    our_id: str = ""
    address: str = ""


def read_report(item: object) -> MailReport | None:
    """Read one event of the webhook; None where it says no event, or no time."""
    if not isinstance(item, Mapping):
        return None
    event = event_name(item.get("event"))
    at = _seconds(item.get("ts_event")) or _seconds(item.get("ts_epoch"))
    if not event or at is None:
        return None
    ours = _storable(item.get("X-Mailin-custom") or item.get("x-mailin-custom"), 64)
    return MailReport(
        event=event,
        occurred_at=at,
        message_id=plain_id(item.get("message-id")),
        our_id=ours if re.fullmatch("[A-Za-z0-9_-]{1,22}", ours) else "",
        address=_storable(item.get("email"), 254),
    )


def read_statistic(item: object) -> MailReport | None:
    """Read one event of ``/smtp/statistics/events``: its ``date`` has a zone, and our id is not in it."""
    if not isinstance(item, Mapping):
        return None
    event, at = event_name(item.get("event")), _zoned(item.get("date"))
    message_id, address = plain_id(item.get("messageId")), _storable(item.get("email"), 254)
    return MailReport(event, at, message_id, address=address) if event and at and message_id else None


def _zoned(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(_storable(value, 40))
    except ValueError:
        return None
    return at.astimezone(UTC).replace(microsecond=0) if at.tzinfo else None


def event_name(value: object) -> str:
    """Return the payload's name of an event: ``hardBounce`` is ``hard_bounce``; unknown ones stay."""
    name = _HUMP.sub("_", _storable(value, 64)).lower()[:32]
    return SAME_AS.get(name, name)


def plain_id(value: object) -> str:
    return _storable(value, 257).removeprefix("<").removesuffix(">")[:255]


def _seconds(value: object) -> datetime | None:
    """Return a moment of seconds, or of milliseconds, since 1970; the part of a second is cut off."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**15:
        return None
    seconds = int(value) // 1000 if value > _MILLISECONDS else int(value)
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds < _LATEST else None


def _storable(value: object, max_length: int) -> str:
    """Return what every database keeps of a stranger's text: no NUL, no control, no lone surrogate."""
    if not isinstance(value, str):
        return ""
    value = value[: 4 * max_length]
    if not value.isprintable():
        value = "".join(letter for letter in value if letter.isprintable())
    return value.strip()[:max_length]
