"""The closed list of ways a post is shared; each has its own link."""

from __future__ import annotations

from typing import Final

CHANNELS: Final = (
    "whatsapp",
    "telegram",
    "x",
    "linkedin",
    "facebook",
    "threads",
    "bluesky",
    "copy",
    "email",
    "native",
    "qr",
    # Published there on the partner's own account, or by their hand: links, and no button.
    "mastodon",
    "youtube",
    "tiktok",
    "instagram",
    "pinterest",
)
# The old neutral form /l/<asset_id>?pid=: clicks are counted on it, nobody can choose it.
DIRECT: Final = "direct"
