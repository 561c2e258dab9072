"""Videos that are sent go straight to the disk, under DATA_DIR, and only where a form has a place for one."""

from __future__ import annotations

import threading
from collections import Counter
from typing import IO, Any

from flask import Flask, Request, current_app
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from contentflow.core.db import db
from contentflow.core.errors import Refused, TooMany
from contentflow.partners.sessions import current_partner
from contentflow.pipeline import arrivals
from contentflow.pipeline import services as pipeline
from contentflow.web.errors import drain
from contentflow.web.security import MAX_FIELDS_BYTES

FIELDS_BYTES = 128 * 1024  # The words of a post, each at its longest, and the form around them.
PIECE_BYTES = 64 * 1024  # What Werkzeug reads at a time.
SUBTITLES_BYTES = 1024 * 1024  # Subtitles of hours.
# Of one web process. Each upload holds a thread for as long as a slow phone needs: see gunicorn.conf.py.
MAX_UPLOADS = 16
MAX_UPLOADS_PER_PARTNER = 3  # One in each of three tabs.
RETRY_SECONDS = 30
UPLOADS = {"byop.submit", "byop.replace_video"}


def init_app(app: Flask) -> None:
    app.request_class = UploadRequest


class UploadSlots:
    """How many videos are on their way to this process, and whose they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def acquire(self, partner_id: str) -> None:
        """Raises ``TooMany``."""
        with self._lock:
            if self._taken.total() >= MAX_UPLOADS or self._taken[partner_id] >= MAX_UPLOADS_PER_PARTNER:
                raise TooMany(RETRY_SECONDS)
            self._taken[partner_id] += 1

    def release(self, partner_id: str) -> None:
        with self._lock:
            self._taken[partner_id] -= 1
            self._taken += Counter()  # Forget who has none left.


upload_slots = UploadSlots()


class UploadRequest(Request):
    """A request whose body may be as large as its route says; every other keeps to the small limit."""

    @property
    def _is_upload(self) -> bool:
        return self.endpoint in UPLOADS and self.mimetype == "multipart/form-data"

    @property
    def max_content_length(self) -> int | None:
        is_multipart = self.mimetype == "multipart/form-data"
        if self._is_upload:
            return pipeline.max_bytes() + FIELDS_BYTES
        if self.endpoint == "byop.append_part":
            return arrivals.PIECE_BYTES
        if self.endpoint == "byop.retry" and is_multipart:
            return SUBTITLES_BYTES
        allowed: int | None = current_app.extensions.get("bodies", {}).get(self.endpoint)
        return allowed if allowed is not None and is_multipart else super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    @property
    def max_form_memory_size(self) -> int | None:
        # Werkzeug reads a body 64 kB at a time and counts a piece of a file against this too.
        return MAX_FIELDS_BYTES + PIECE_BYTES

    @max_form_memory_size.setter
    def max_form_memory_size(self, value: int | None) -> None:
        self._max_form_memory_size = value

    def _load_form_data(self) -> None:
        try:
            if self._is_upload and "form" not in self.__dict__:
                partner_id = current_partner().id
                # Who it is was read; no transaction waits for minutes while a video arrives.
                db.session.rollback()
                if (size := self.content_length or 0) > FIELDS_BYTES:  # Words alone always find room.
                    _demand_room(size)
                upload_slots.acquire(partner_id)
                self._slot_of = partner_id
            super()._load_form_data()
        except Refused:
            self.__dict__.update(form=ImmutableMultiDict(), files=ImmutableMultiDict())
            drain()
            raise
        fields = sum(len(name) + len(value.encode()) for name, value in self.form.items(multi=True))
        if fields > MAX_FIELDS_BYTES:
            raise RequestEntityTooLarge

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self._is_upload:
            stream = _only_with_room(pipeline.media().open_upload())
            self.__dict__.setdefault("uploads", []).append(stream)
            return stream
        return super()._get_file_stream(total_content_length, content_type, filename, content_length)

    def close(self) -> None:
        if partner_id := self.__dict__.pop("_slot_of", None):
            upload_slots.release(partner_id)
        # Also those of a body that was refused half way, which no field ever got.
        for stream in self.__dict__.get("uploads", []):
            stream.close()
        super().close()


def _demand_room(size: int) -> None:
    if not pipeline.media().has_room(size):
        raise arrivals.NoRoom


def _only_with_room(stream: IO[bytes]) -> IO[bytes]:
    """Look at each piece anew: other videos arrive at the same time, and not every body names its length."""
    write = stream.write

    def write_with_room(piece: Any) -> int:
        if piece:
            _demand_room(len(piece))
        return write(piece)

    stream.write = write_with_room  # type: ignore[method-assign]
    return stream
