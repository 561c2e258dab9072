"""The one thing that a partner would best do next; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

NETWORKS = ("whatsapp", "telegram", "x", "linkedin", "facebook", "threads", "bluesky")

Act = Literal["approve", "mend", "share", "another_network", "repeat", "create"]


class PostFacts(NamedTuple):
    """What the choice needs of one post that can be shared; newest first where there are several.

    ``due`` is the step its clip waits for: approve, retry or replace.
    """

    id: str
    title: str
    shares: Mapping[str, int]
    valid_by_channel: Mapping[str, int]
    due: str = ""


class NextStep(NamedTuple):
    """``post`` None: there is none. ``best`` is the channel that works, ``untried`` the network to try."""

    act: Act
    post: PostFacts | None = None
    best: str = ""
    untried: str = ""


def next_step(posts: list[PostFacts]) -> NextStep:
    """Choose: approve the clip that waits, mend the one that failed, share what never was, carry what
    works to another network, else bring something new.

    ``create`` without a post that can be shared is a beginning, with one it follows all networks.
    """
    for post in sorted(posts, key=lambda post: post.due != "approve"):
        if post.due:
            return NextStep("approve" if post.due == "approve" else "mend", post)
    for post in posts:
        if not sum(post.shares.values()):
            return NextStep("share", post)
    for post in sorted(posts, key=_clicks, reverse=True):
        untried = [network for network in NETWORKS if not post.shares.get(network)]
        if untried:
            act: Act = "another_network" if _clicks(post) else "repeat"
            clicks = post.valid_by_channel
            best = max(clicks, key=lambda channel: clicks[channel], default="")
            return NextStep(act, post, best=best, untried=untried[0])
    return NextStep("create", posts[0] if posts else None)


def _clicks(post: PostFacts) -> int:
    return sum(post.valid_by_channel.values())
