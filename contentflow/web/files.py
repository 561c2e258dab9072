"""Media files as players ask for them."""

from __future__ import annotations

from pathlib import Path

from flask import Response, make_response, request, send_file


def send_media(path: Path, kind: str, *, max_age: int | None = None, download_name: str = "") -> Response:
    """Answer with a file, or with the one range of it that was asked for; ``download_name``: to be saved.

    A header that names no range, or several, is not heeded (RFC 9110, 14.2).
    """
    response = send_file(
        path,
        mimetype=kind,
        conditional="Range" not in request.headers or _is_one_range(),
        as_attachment=bool(download_name),
        download_name=download_name or None,
        max_age=max_age,
    )
    return make_response(response)


def _is_one_range() -> bool:
    wanted = request.range
    return wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1
