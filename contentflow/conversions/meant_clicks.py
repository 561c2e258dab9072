"""Which click a network means by an id that was cut, written in another case, or percent-encoded again.

An id begins with the code of its link: only clicks of links that the text may name are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import product

from sqlalchemy import func, select

from contentflow.conversions.mapping import plain
from contentflow.core.db import db
from contentflow.links.click_ids import CODE_LENGTH
from contentflow.links.models import Click, Link

ID_LENGTH = 22
MOST = 5  # candidates that are told


def find_clicks(click_id: str) -> list[str]:
    """Return the ids of the clicks that may be meant, at most ``MOST``; none for a text that names no link.

    Its own case goes first: what fits letter by letter is meant, whatever fits in another case.
    """
    text = plain(click_id)
    if not re.fullmatch(rf"[0-9A-Za-z]{{{CODE_LENGTH},{ID_LENGTH}}}", text):
        return []
    return _that_begin(text, exactly=True) or _that_begin(text, exactly=False)


def find_meant(texts: Collection[str]) -> dict[str, str]:
    """Return the one click that each of many texts can mean; what means none, or several, is left out."""
    codes = {text: plain(text)[:CODE_LENGTH].lower() for text in texts}
    folded = func.lower(Link.code)
    known = set(db.session.scalars(select(folded).where(folded.in_(set(codes.values())))))
    found = {text: find_clicks(text) for text, code in codes.items() if code in known}
    return {text: clicks[0] for text, clicks in found.items() if len(clicks) == 1}


def _that_begin(text: str, exactly: bool) -> list[str]:
    code = text[:CODE_LENGTH]
    cases = [{letter} if exactly else {letter.lower(), letter.upper()} for letter in code]
    codes = ["".join(letters) for letters in product(*cases)]
    link_ids = list(db.session.scalars(select(Link.id).where(Link.code.in_(codes))))
    if not link_ids:
        return []
    beginning = func.substr(Click.id, 1, len(text))
    fits = beginning == text if exactly else func.lower(beginning) == text.lower()
    found = select(Click.id).where(Click.link_id.in_(link_ids), Click.partner_id.is_not(None), fits)
    return sorted(db.session.scalars(found.limit(MOST)))
