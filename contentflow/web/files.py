"""Media files as players ask for them, from the disk or from the bucket alike."""

from __future__ import annotations

import io
from itertools import chain
from pathlib import Path

from flask import Response, make_response, redirect, request, send_file

from contentflow.config import settings
from contentflow.core.bucket import MediaFile, StoredFile


def send_media(
    file: MediaFile, kind: str, *, max_age: int | None = None, download_name: str = ""
) -> Response:
    """Answer with a file, or with the one range of it that was asked for; ``download_name``: to be saved.

    A header that names no range, or several, is not heeded (RFC 9110, 14.2). Raises ``BucketFailed``.
    """
    wanted = request.range
    is_one_range = wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1
    is_conditional = "Range" not in request.headers or is_one_range
    if isinstance(file, Path):
        response = send_file(
            file,
            mimetype=kind,
            conditional=is_conditional,
            as_attachment=bool(download_name),
            download_name=download_name or None,
            max_age=max_age,
        )
        return make_response(response)
    response = send_file(
        io.BytesIO(),
        mimetype=kind,
        as_attachment=bool(download_name),
        download_name=download_name or file.name,
        max_age=max_age,
        conditional=False,
        etag=file.etag.strip('"'),
        last_modified=file.modified,
    )
    response.content_length = file.size
    if is_conditional:
        response.make_conditional(request.environ, accept_ranges=True, complete_length=file.size)
    if request.method == "HEAD" or response.status_code == 304:
        response.response = iter(())
        return response
    start = response.content_range.start or 0
    pieces = file.pieces(start, response.content_length or 0)
    # Ask for the first piece before anything is answered: a bucket that is away gets a page that says so.
    response.response = chain((next(pieces, b""),), pieces)
    return response


def lend_media(file: MediaFile, kind: str, *, max_age: int) -> Response:
    """Send a player to the bucket for a file that anybody may see, where MEDIA_REDIRECT_URL says so.

    Everything else is answered as ``send_media`` does: who draws previews, saves or shares the file needs it
    from here, and only a browser that says it plays a video is one.
    """
    if not settings().media_redirect_url or not isinstance(file, StoredFile):
        return send_media(file, kind, max_age=max_age)
    if request.method == "GET" and request.headers.get("Sec-Fetch-Dest") == "video":
        response = make_response(redirect(file.bucket.sign(file, kind)))
        response.headers["Cache-Control"] = "no-store"
    else:
        response = send_media(file, kind, max_age=max_age)
    response.vary.add("Sec-Fetch-Dest")
    return response
