"""What was freed goes back to the system: glibc keeps pages for later that lie below one still in use."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def release_freed() -> None:
    """Return the freed pages of this process, in a millisecond or some more; elsewhere than on glibc none."""
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    # https://man7.org/linux/man-pages/man3/malloc_trim.3.html; musl and macOS have none.
    found: Callable[[int], object] = getattr(ctypes.CDLL(None), "malloc_trim", int)
    return found
