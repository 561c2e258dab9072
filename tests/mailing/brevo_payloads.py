"""Events as Brevo sends them: https://developers.brevo.com/docs/transactional-webhooks."""

from __future__ import annotations

from typing import Any

NAMES = [
    "request", "delivered", "deferred", "soft_bounce", "hard_bounce", "invalid_email", "blocked", "spam",
    "unsubscribed", "error", "click", "opened", "unique_opened", "proxy_open", "unique_proxy_open",
]  # fmt: skip
BEGIN = 1_764_000_000


def payload(
    event: str, our_id: str = "", message_id: str = "<2@smtp-relay.mailin.fr>", at: int = 0,
    email: str = "Reader@Example.org",
) -> dict[str, Any]:  # fmt: skip
    """``at`` under a million are seconds after a day of 2025; ``our_id`` empty: a mail of somebody else."""
    moment = BEGIN + at if at < 1_000_000 else at
    custom = {"X-Mailin-custom": our_id} if our_id else {}
    return {
        "event": event,
        "email": email,
        "id": 26224,
        "date": "2025-11-24 17:00:00",
        "ts": moment,
        "message-id": message_id,
        "ts_event": moment,
        "subject": "Découverte utile",
        "sending_ip": "185.41.28.109",
        "ts_epoch": moment * 1000,
        "tags": ["byop_share"],
        "tag": '["byop_share"]',
        "reason": "550 5.1.1 <Reader@Example.org>: user unknown",
        **custom,
    }
