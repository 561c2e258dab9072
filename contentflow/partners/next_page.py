"""Where to go after a login: a page of ours, whatever the address bar asked for."""

from __future__ import annotations

from urllib.parse import urlsplit

MAX_LENGTH = 2000


def local_path(text: str | None) -> str:
    """Return ``text`` when it is a path on this site, else "".

    One ``/`` first, since ``//host`` is another site; no backslash, which browsers read as ``/``; no
    control character or blank, which they drop before they read.
    """
    if not text or len(text) > MAX_LENGTH or not text.startswith("/") or text.startswith("//"):
        return ""
    if "\\" in text or not text.isprintable() or " " in text:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return "" if parts.scheme or parts.netloc else text
