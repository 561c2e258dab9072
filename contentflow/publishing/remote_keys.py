"""What makes a second try the same try: chosen with the publication, before anything is sent."""

from __future__ import annotations

import secrets

from contentflow.core import clock
from contentflow.core.ids import new_id

# https://atproto.com/specs/tid
_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"


def new(platform: str) -> str:
    """Return a key as the platform takes it: of Bluesky the key of the record itself."""
    if platform != "bluesky":
        return new_id()
    # A TID: 53 bits of microseconds and 10 of chance, which sort as they were made.
    number = (int(clock.now().timestamp() * 1_000_000) << 10 | secrets.randbits(10)) & (1 << 63) - 1
    return "".join(_SORTABLE[number >> 5 * place & 31] for place in range(12, -1, -1))
