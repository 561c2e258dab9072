"""Where a short link leads: asked of the database each time, remembered for when that is away."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlalchemy import select

from contentflow.core.ids import is_id
from contentflow.links.channels import DIRECT
from contentflow.links.memory import Target, memory
from contentflow.links.models import Link
from contentflow.links.patience import REFUSALS, brief_transaction

CODE = re.compile(r"[0-9A-Za-z]{7}")
# A slash may end a link; what stands behind one is another address.
_WITH_TAIL = re.compile(
    r"(?P<name>[0-9A-Za-z]{22}|[0-9A-Za-z]{7})(?:[^0-9A-Za-z/][^/]*)?(?:/[^0-9A-Za-z]*)?", re.DOTALL
)


def without_tail(name: str) -> str:
    """Return a code or id without what chats and mail programs glue to a link; other text as it is.

    A full stop, a bracket, a quote, the ``*`` and ``_`` of bold and italics, blanks and marks nobody sees,
    ``&utm_source=x``, the next word behind any of them: whatever a code cannot hold ends it.
    """
    found = _WITH_TAIL.fullmatch(name)
    return found["name"] if found else name


def is_asset_id(name: str) -> bool:
    """Tell the old neutral form ``/l/<asset_id>`` from a code."""
    return is_id(name)


def find_target(name: str) -> Target | None:
    """Return the link of a code, or the direct one of an asset.

    With the database away a known link still leads on; for another one the database's error is raised.
    """
    if not CODE.fullmatch(name) and not is_asset_id(name):
        return None
    try:
        target = _read(name)
    except REFUSALS:
        known = memory().recall(name)
        if known is None:
            raise
        return replace(known, is_remembered=True)
    memory().remember(name, target)
    return target


def _read(name: str) -> Target | None:
    columns = (
        Link.id,
        Link.code,
        Link.partner_id,
        Link.submission_id,
        Link.channel,
        Link.destination,
        Link.disabled_at,
    )
    wanted = (Link.asset_id == name) & (Link.channel == DIRECT) if is_asset_id(name) else Link.code == name
    with brief_transaction(writes=False) as connection:
        row = connection.execute(select(*columns).where(wanted)).first()
    return None if row is None else Target(*row[:6], is_disabled=row.disabled_at is not None)
