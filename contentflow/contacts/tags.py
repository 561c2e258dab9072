"""Tags as people write them and as they are kept: ``|amis|paris|``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from contentflow import invisibles

MAX_LENGTH: Final = 40
MAX_TAGS: Final = 20
BAR: Final = "|"
_TYPED = re.compile(r"[|,;\n\r]")


def typed(texts: Iterable[str]) -> list[str]:
    """Return the tags of form fields: several may stand in one, between commas or bars."""
    return _clean(part for text in texts for part in _TYPED.split(text))


def in_cell(text: str) -> list[str]:
    """Return the tags of a file's cell: there they stand apart by bars alone."""
    return _clean(text.split(BAR))


def unpack(kept: str) -> list[str]:
    return [tag for tag in kept.split(BAR) if tag]


def pack(tags: Sequence[str]) -> str:
    return BAR + BAR.join(tags) + BAR if tags else ""


def with_more(kept: str, more: Iterable[str]) -> str:
    """Return the tags with those that are missing, at most 20; the first spelling of a tag stays."""
    tags = unpack(kept)
    known = {tag.casefold() for tag in tags}
    for tag in more:
        if tag.casefold() not in known and len(tags) < MAX_TAGS:
            tags.append(tag)
            known.add(tag.casefold())
    return pack(tags)


def without(kept: str, less: Iterable[str]) -> str:
    gone = {tag.casefold() for tag in less}
    return pack([tag for tag in unpack(kept) if tag.casefold() not in gone])


def spelled_as(known: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the wanted tags as they are spelled among the known ones; a new one stays as it is."""
    by_fold = {tag.casefold(): tag for tag in known}
    return [by_fold.get(tag.casefold(), tag) for tag in wanted]


def _clean(parts: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for part in parts:
        tag = " ".join(invisibles.strip_value(part).replace(BAR, " ").split())[:MAX_LENGTH].strip()
        if tag and tag.isprintable():
            found.setdefault(tag.casefold(), tag)
    return list(found.values())[:MAX_TAGS]
