"""A link's QR code: black on white whatever the page's colours, with its quiet zone."""

from __future__ import annotations

from io import BytesIO

_QUIET_MODULES = 4  # ISO/IEC 18004 asks for four.
_PIXELS_A_MODULE = 12


def qr_svg(url: str) -> bytes:
    """Return an SVG with neither style nor script in it, for a page whose CSP refuses both."""
    return _drawn(url, "svg")


def qr_png(url: str) -> bytes:
    return _drawn(url, "png")


def _drawn(url: str, kind: str) -> bytes:
    import segno

    picture = BytesIO()
    code = segno.make(url, error="m", micro=False)
    code.save(picture, kind, scale=_PIXELS_A_MODULE, border=_QUIET_MODULES, dark="#000", light="#fff")
    return picture.getvalue()
