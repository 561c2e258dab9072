"""The only code that speaks to an S3 bucket: objects are written whole, read in pieces, listed and removed.

The bucket is the operator's own, and may be away: an answer that does not come ends after seconds, and for a
while nobody asks but one who tries. What goes wrong is told by a word for logs, never by the library's text.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask, current_app

from contentflow.config import Settings
from contentflow.core import clock
from contentflow.core.bucket_errors import BucketFailed, NoSuchObject, name_failure
from contentflow.core.errors import Refused

log = logging.getLogger(__name__)

CONNECT_SECONDS, READ_SECONDS, TRIES = 2, 5, 2
# A service may put the parts of a large file together before it answers.
WRITE_SECONDS = 60
REST_SECONDS = 5.0
# Of the 32 threads of a web process; the others answer what needs no bucket.
MAX_READS, PLACE_SECONDS = 12, 1.0
# A clip goes out a piece at a time: a slow phone holds no connection to the bucket, and 1 MB of memory.
PIECE_BYTES = 1024 * 1024
DOWNLOAD_BYTES = 16 * PIECE_BYTES
# Larger files go in parts of this size, each tried again by itself.
PART_BYTES = 64 * 1024 * 1024
PAGE = 1_000
# A clip is ten minutes at most; who stops it for longer asks for it anew.
SIGNED_SECONDS = 900
MAX_KNOWN = 10_000
UNFINISHED = timedelta(days=1)


class StoredFile(NamedTuple):
    """An object as it was listed: ``age`` is by the bucket's own clock, ``etag`` is of this very content."""

    bucket: Bucket
    key: str
    size: int
    etag: str
    modified: datetime
    age: timedelta

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    def pieces(self, start: int, length: int, at_once: int = PIECE_BYTES) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``start``. Raises ``BucketFailed``, also in their middle."""
        end = start + length
        while start < end:
            piece = self.bucket.read(self, start, min(at_once, end - start))
            start += len(piece)
            yield piece


MediaFile = Path | StoredFile


class Bucket:
    """One bucket and a prefix in it; keys are given without the prefix. Threads may share it."""

    def __init__(self, chosen: Settings) -> None:
        parts = urlsplit(chosen.media_url)
        self.name = parts.netloc
        self.prefix = parts.path.lstrip("/").rstrip("/") + "/" if parts.path.strip("/") else ""
        self._chosen = chosen
        self._lock = threading.Lock()
        self._clients: dict[tuple[int, str, int], Any] = {}
        self._places = threading.BoundedSemaphore(MAX_READS)
        self._rest_until = 0.0
        self._known: dict[str, Mapping[str, StoredFile]] = {}

    def put(self, key: str, path: Path, kind: str = "application/octet-stream") -> None:
        """Write a file: the object is there whole once this returns, and not at all before."""
        from boto3.s3.transfer import TransferConfig

        how = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
        )
        with self._asking(WRITE_SECONDS) as client:
            client.upload_file(
                str(path), self.name, self.prefix + key, ExtraArgs={"ContentType": kind}, Config=how
            )

    def put_bytes(self, key: str, content: bytes) -> None:
        with self._asking() as client:
            client.put_object(Bucket=self.name, Key=self.prefix + key, Body=content)

    def get_bytes(self, key: str) -> bytes | None:
        """Return a small object; None where there is none."""
        try:
            with self._asking() as client:
                return bytes(client.get_object(Bucket=self.name, Key=self.prefix + key)["Body"].read())
        except NoSuchObject:
            return None

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Return exactly these bytes of the object that was listed; a body cut short is asked for again."""
        for tries_left in reversed(range(TRIES)):
            try:
                with self._asking(in_turn=True) as client:
                    answer = client.get_object(
                        Bucket=self.name,
                        Key=self.prefix + file.key,
                        Range=f"bytes={start}-{start + length - 1}",
                        IfMatch=file.etag,
                    )
                    with closing(answer["Body"]) as stream:
                        body = bytes(stream.read(length + 1))
                if len(body) != length:
                    raise BucketFailed("TruncatedBody")
                return body
            except BucketFailed as failed:
                if not failed.has_broken_off or not tries_left:
                    raise
        raise AssertionError  # The last try returned or raised.

    def sign(self, file: StoredFile, kind: str) -> str:
        """Return an address at which anybody may read this object for SIGNED_SECONDS; nobody is asked."""
        named = {"Bucket": self.name, "Key": self.prefix + file.key, "ResponseContentType": kind}
        client = self._open(self._chosen.media_redirect_url, READ_SECONDS)
        return str(client.generate_presigned_url("get_object", Params=named, ExpiresIn=SIGNED_SECONDS))

    def download(self, key: str, target: Path) -> None:
        """Bring an object to the disk, whole. Raises ``NoSuchObject`` and ``BucketFailed``."""
        file = next((one for one in self.list(key) if one.key == key), None)
        if file is None:
            raise NoSuchObject("NoSuchKey")
        with target.open("wb") as copy:
            for piece in file.pieces(0, file.size, DOWNLOAD_BYTES):
                copy.write(piece)

    def list(self, prefix: str) -> Iterator[StoredFile]:
        """Yield what begins so, in the order of the keys' bytes."""
        asked = {"Bucket": self.name, "Prefix": self.prefix + prefix, "MaxKeys": PAGE}
        while asked:
            with self._asking() as client:
                answer = client.list_objects_v2(**asked)
            now = _date_of(answer)
            for found in answer.get("Contents", []):
                yield StoredFile(
                    self,
                    str(found["Key"]).removeprefix(self.prefix),
                    int(found["Size"]),
                    str(found["ETag"]),
                    found["LastModified"],
                    now - found["LastModified"],
                )
            token = answer.get("NextContinuationToken")
            asked = {**asked, "ContinuationToken": token} if token else {}

    def folder(self, prefix: str) -> Mapping[str, StoredFile]:
        """Return the objects under ``prefix/`` by their names; what never changes is asked for once."""
        known = self._known.get(prefix)
        if known is None:
            known = {file.name: file for file in self.list(f"{prefix}/")}
            if known:
                if len(self._known) >= MAX_KNOWN:
                    self._known.clear()
                self._known[prefix] = known
        return known

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are gone do no harm."""
        for key in keys:
            self._known.pop(key.rpartition("/")[0], None)
            with self._asking() as client:
                client.delete_object(Bucket=self.name, Key=self.prefix + key)

    def delete_folder(self, prefix: str) -> None:
        self.delete([file.key for file in self.list(f"{prefix}/")])

    def abort_unfinished(self) -> int:
        """Give up uploads in parts that a killed process left a day ago; return how many."""
        with self._asking() as client:
            answer = client.list_multipart_uploads(Bucket=self.name, Prefix=self.prefix)
        old = [
            upload
            for upload in answer.get("Uploads", [])
            if _date_of(answer) - upload["Initiated"] > UNFINISHED
        ]
        for upload in old:
            with self._asking() as client:
                client.abort_multipart_upload(
                    Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"]
                )
        return len(old)

    @contextmanager
    def _asking(self, seconds: int = READ_SECONDS, *, in_turn: bool = False) -> Iterator[Any]:
        """Yield the client; what any exchange raises becomes a ``BucketFailed``."""
        if in_turn and not self._places.acquire(timeout=PLACE_SECONDS):
            raise BucketFailed("Busy")
        try:
            with self._lock:
                if time.monotonic() < self._rest_until:
                    raise BucketFailed("Away")
                if self._rest_until:  # One finds out whether it is back, while the others are refused.
                    self._rest_until = time.monotonic() + REST_SECONDS
            yield self._open(self._chosen.aws_endpoint_url_s3, seconds)
            self._rest_until = 0.0
        except Refused:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # Of the disk: what the library says of the network has no number.
            failed = name_failure(error)
            self._rest_until = 0.0 if failed.is_answer else time.monotonic() + REST_SECONDS
            if not isinstance(failed, NoSuchObject):
                log.warning("the bucket failed: %s", failed.word)
            raise failed from None
        finally:
            if in_turn:
                self._places.release()

    def _open(self, endpoint: str, seconds: int) -> Any:
        key = os.getpid(), endpoint, seconds  # A fork must not share its parent's connections.
        with self._lock:
            if key not in self._clients:
                self._clients[key] = _connect(self._chosen, endpoint, seconds)
            return self._clients[key]


def _connect(chosen: Settings, endpoint: str, seconds: int) -> Any:
    import boto3
    from botocore.config import Config

    how = Config(
        signature_version="s3v4",
        # Names of buckets stand in the path but at Amazon: others need no wildcard certificate so.
        s3={"addressing_style": "path" if endpoint else "virtual"},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        retries={"total_max_attempts": TRIES, "mode": "standard"},
        max_pool_connections=32,
        proxies={},  # No proxy is taken from the environment.
        # Many services that speak S3 refuse the trailing sums that Amazon's library sends since 2025.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent="ContentFlow",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=chosen.aws_default_region,
        aws_access_key_id=chosen.aws_access_key_id or None,
        aws_secret_access_key=chosen.aws_secret_access_key or None,
        config=how,
    )


def _date_of(answer: Mapping[str, Any]) -> datetime:
    """Return the bucket's own time: what is old is judged by the clock that dated it."""
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return clock.now()
    return moment if moment.tzinfo else clock.now()


def init_bucket(app: Flask) -> None:
    chosen: Settings = app.config["CONTENTFLOW"]
    app.extensions["bucket"] = Bucket(chosen) if chosen.media_url else None


def bucket() -> Bucket | None:
    """Return the bucket that media lie in; None where they lie under DATA_DIR."""
    found: Bucket | None = current_app.extensions["bucket"]
    return found
