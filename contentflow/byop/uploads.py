"""Videos that are sent go straight to the disk, under DATA_DIR, and only where a form has a place for one."""

from __future__ import annotations

from typing import IO

from flask import Flask, Request
from werkzeug.exceptions import RequestEntityTooLarge

from contentflow.config import settings
from contentflow.pipeline import services as pipeline
from contentflow.web.security import MAX_FIELDS_BYTES

FIELDS_BYTES = 128 * 1024
PIECE_BYTES = 64 * 1024
SUBTITLES_BYTES = 1024 * 1024
MIB = 1024 * 1024


def init_app(app: Flask) -> None:
    app.request_class = UploadRequest


class UploadRequest(Request):
    """A request whose body may be as large as its route says; every other keeps to the small limit."""

    @property
    def max_content_length(self) -> int | None:
        is_multipart = self.mimetype == "multipart/form-data"
        if self.endpoint == "byop.submit" and is_multipart:
            return settings().upload_max_mb * MIB + FIELDS_BYTES
        if self.endpoint == "byop.retry" and is_multipart:
            return SUBTITLES_BYTES
        return super().max_content_length

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
        super()._load_form_data()
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
        if self.endpoint == "byop.submit" and filename:
            stream = pipeline.media().open_upload()
            self.__dict__.setdefault("uploads", []).append(stream)
            return stream
        return super()._get_file_stream(total_content_length, content_type, filename, content_length)

    def close(self) -> None:
        # Also those of a body that was refused half way, which no field ever got.
        for stream in self.__dict__.get("uploads", []):
            stream.close()
        super().close()
