"""Which code speaks to which platform: publishing, taking down, counting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from contentflow.publishing import bluesky, mastodon, tiktok, youtube
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.outgoing import Driver

Counts = dict[str, int | None] | None

DRIVERS: Final[Mapping[str, Driver]] = {
    "bluesky": bluesky.publish,
    "mastodon": mastodon.publish,
    "tiktok": tiktok.publish,
    "youtube": youtube.publish,
}
DELETERS: Final[Mapping[str, Callable[[SocialAccount, str], bool]]] = {
    "bluesky": bluesky.delete,
    "mastodon": mastodon.delete,
}
COUNTERS: Final[Mapping[str, Callable[[SocialAccount, str], Counts]]] = {
    "bluesky": bluesky.counts,
    "mastodon": mastodon.counts,
    "tiktok": tiktok.counts,
    "youtube": youtube.counts,
}
