"""How each platform is connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contentflow.publishing import bluesky_connect, mastodon_connect, tiktok_connect, youtube_connect
from contentflow.publishing.oauth import Flow

FLOWS: Final[Mapping[str, Flow]] = {
    "bluesky": Flow(
        bluesky_connect.begin, bluesky_connect.finish, bluesky_connect.revoke, bluesky_connect.refresh
    ),
    "mastodon": Flow(mastodon_connect.begin, mastodon_connect.finish, mastodon_connect.revoke),
    "tiktok": Flow(
        tiktok_connect.begin, tiktok_connect.finish, tiktok_connect.revoke, tiktok_connect.refresh
    ),
    "youtube": Flow(
        youtube_connect.begin, youtube_connect.finish, youtube_connect.revoke, youtube_connect.refresh
    ),
}
