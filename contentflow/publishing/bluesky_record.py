"""A post as Bluesky keeps it. Pure: text, time and files are handed in.

https://docs.bsky.app/docs/advanced-guides/posts
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from contentflow.core import clock
from contentflow.core.graphemes import graphemes

COLLECTION = "app.bsky.feed.post"
_LINK = re.compile(r"https?://[^\s<>\"«»]*[^\s<>\"«».,;:!?'’)\]…]")
_TAG = re.compile(r"(?<!\S)#(?![0-9]+(?:\s|$))([^\s#\u00ad\u2060\u200a\u200b\u200c\u200d\u20e2]+)")
_AT_END = re.compile(r"[^\w]+$")
MAX_TAG = 64
MAX_CARD = 300


def record(text: str, created_at: datetime, language: str, embed: Mapping[str, Any] | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "$type": COLLECTION,
        "text": text,
        "createdAt": clock.iso(created_at),
        "langs": [language],
        "facets": [*_links(text), *_tags(text)],
    }
    return made | ({"embed": dict(embed)} if embed else {})


def _links(text: str) -> Iterator[dict[str, Any]]:
    for found in _LINK.finditer(text):
        feature = {"$type": "app.bsky.richtext.facet#link", "uri": found[0]}
        yield _facet(text, found.start(), found.end(), feature)


def _tags(text: str) -> Iterator[dict[str, Any]]:
    for found in _TAG.finditer(text):
        tag = _AT_END.sub("", found[1])
        if tag and len(tag.encode()) <= MAX_TAG * 10 and sum(1 for _ in graphemes(tag)) <= MAX_TAG:
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": tag}
            yield _facet(text, found.start(), found.start(1) + len(tag), feature)


def _facet(text: str, start: int, end: int, feature: Mapping[str, str]) -> dict[str, Any]:
    """Places count bytes of UTF-8, not letters."""
    index = {"byteStart": len(text[:start].encode()), "byteEnd": len(text[:end].encode())}
    return {"index": index, "features": [dict(feature)]}


def link_in(text: str) -> str:
    found = _LINK.search(text)
    return found[0] if found else ""


def video(blob: Mapping[str, Any], captions: Mapping[str, Any] | None, alt: str) -> dict[str, Any]:
    """Every clip of ours is upright, and speaks French."""
    made = {
        "$type": "app.bsky.embed.video",
        "video": dict(blob),
        "alt": alt,
        "aspectRatio": {"width": 9, "height": 16},
    }
    return made | ({"captions": [{"lang": "fr", "file": dict(captions)}]} if captions else {})


def card(text: str, thumb: Mapping[str, Any] | None) -> dict[str, Any]:
    """The link's card: the post's title, and the disclosure below it."""
    disclosure, _, rest = text.partition("\n")
    external: dict[str, Any] = {
        "uri": link_in(text),
        "title": rest.partition("\n")[0][:MAX_CARD],
        "description": disclosure,
    }
    return {
        "$type": "app.bsky.embed.external",
        "external": external | ({"thumb": dict(thumb)} if thumb else {}),
    }
