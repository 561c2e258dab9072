"""A bucket that is well, slow, broken or closed: what is asked of it comes whole, or a word says why not."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from contentflow.config import WrongSetting, load
from contentflow.core import bucket as module
from contentflow.core.bucket import Bucket
from contentflow.core.bucket_errors import BucketFailed, NoSuchObject
from tests.factories.bucket import KEY, SECRET, Between

FILM = bytes(range(256)) * 20_000
GIVEN = {"ENV": "development"}


@pytest.fixture
def bucket(shared: Between, tmp_path: Path) -> Bucket:
    made = Bucket(load({**GIVEN, "DATA_DIR": str(tmp_path), **shared.settings}))
    made._clients = shared.clients
    return made


@pytest.fixture
def film(bucket: Bucket, tmp_path: Path) -> module.StoredFile:
    (tmp_path / "film").write_bytes(FILM)
    bucket.put("folder/film", tmp_path / "film", "video/mp4")
    return bucket.folder("folder")["film"]


def test_a_file_is_written_listed_read_and_removed(bucket: Bucket, film: module.StoredFile, tmp_path: Path):
    bucket.download("folder/film", tmp_path / "again")

    assert (tmp_path / "again").read_bytes() == FILM
    assert b"".join(film.pieces(10, 2_000_000)) == FILM[10:2_000_010]
    assert (film.size, film.name, film.age < timedelta(minutes=1)) == (len(FILM), "film", True)
    bucket.delete(["folder/film", "folder/film"])
    assert list(bucket.list("")) == []
    with pytest.raises(NoSuchObject):
        bucket.download("folder/film", tmp_path / "again")


def test_its_kind_is_kept_for_whoever_is_sent_there(film: module.StoredFile, shared: Between):
    head = shared.client().head_object(Bucket="media", Key=f"{shared.prefix}/folder/film")

    assert head["ContentType"] == "video/mp4"


def test_a_large_file_goes_in_parts_and_is_one(
    bucket: Bucket, shared: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "PART_BYTES", 5 * 1024 * 1024)
    (tmp_path / "large").write_bytes(FILM * 2)

    bucket.put("large", tmp_path / "large")

    assert sum("partNumber" in asked for asked in shared.asked) == 2
    assert b"".join(next(bucket.list("large")).pieces(0, 2 * len(FILM))) == FILM * 2


def test_parts_that_a_killed_process_left_are_given_up_after_a_day(
    bucket: Bucket, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    theirs = shared.client().create_multipart_upload(Bucket="media", Key=f"{shared.prefix}/half")
    shared.client().upload_part(
        Bucket="media", Key=theirs["Key"], UploadId=theirs["UploadId"], PartNumber=1, Body=b"half"
    )

    # The server dates all of them in 2010.
    with monkeypatch.context() as young:
        young.setattr(module, "UNFINISHED", timedelta(days=40_000))
        assert bucket.abort_unfinished() == 0
    assert bucket.abort_unfinished() == 1
    assert bucket.abort_unfinished() == 0


def test_more_than_a_page_of_names_is_listed(
    bucket: Bucket, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "PAGE", 3)
    for number in range(10):
        bucket.put_bytes(f"many/{number}", b"")

    assert [file.name for file in bucket.list("many/")] == [str(number) for number in range(10)]
    assert sum("list-type" in asked for asked in shared.asked) == 4


@pytest.mark.parametrize("name", ["a b", "é+%2F", "a&b<c>", 'q"uote', "tab\there", "..", "a//b"])
def test_odd_names_of_somebody_else_harm_nobody(name: str, bucket: Bucket, shared: Between):
    shared.client().put_object(Bucket="media", Key=f"{shared.prefix}/odd/{name}", Body=b"theirs")

    found = list(bucket.list("odd/"))

    assert [file.key for file in found] == [f"odd/{name}"]
    assert b"".join(found[0].pieces(0, 6)) == b"theirs"


@pytest.mark.parametrize("mood", ["cut", "500", "503:SlowDown", "reset"])
def test_an_answer_that_breaks_once_is_asked_for_again(
    mood: str, bucket: Bucket, film: module.StoredFile, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    shared.be(mood, 1)

    assert b"".join(film.pieces(0, len(FILM))) == FILM


@pytest.mark.parametrize(
    ("mood", "word", "is_refusal"),
    [
        ("cut", "TruncatedBody", False),
        ("500", "500", False),
        ("503:SlowDown", "SlowDown", False),
        ("reset", "ConnectionClosedError", False),
        ("403", "403", True),
        ("403:InvalidAccessKeyId", "InvalidAccessKeyId", True),
        ("403:RequestTimeTooSkewed", "RequestTimeTooSkewed", True),
        ("404:NoSuchBucket", "NoSuchBucket", True),
        ("200", "TruncatedBody", False),
        ("200:NotXml", "TruncatedBody", False),
    ],
)
def test_what_goes_wrong_is_a_word_and_no_secret(
    mood: str,
    word: str,
    is_refusal: bool,
    bucket: Bucket,
    film: module.StoredFile,
    shared: Between,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    shared.be(mood)

    with caplog.at_level(logging.DEBUG, "contentflow"), pytest.raises(BucketFailed) as failed:
        list(film.pieces(0, 100))

    assert (failed.value.word, failed.value.is_refusal) == (word, is_refusal)
    assert (failed.value.__cause__, failed.value.__suppress_context__ or word == "TruncatedBody") == (
        None,
        True,
    )
    for secret in (SECRET, KEY, shared.url):
        assert secret not in caplog.text + repr(failed.value) + str(failed.value.message)


def test_another_content_under_the_name_is_not_mixed_in(
    bucket: Bucket, film: module.StoredFile, tmp_path: Path
):
    pieces = film.pieces(0, len(FILM))
    assert len(next(pieces)) == module.PIECE_BYTES
    bucket.put_bytes("folder/film", bytes(len(FILM)))

    with pytest.raises(BucketFailed) as failed:
        next(pieces)
    assert failed.value.word == "PreconditionFailed"


def test_a_bucket_that_is_away_holds_up_one_and_the_others_are_told_at_once(
    bucket: Bucket, film: module.StoredFile, shared: Between
):
    shared.be("reset")
    with pytest.raises(BucketFailed):
        list(film.pieces(0, 10))

    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(BucketFailed) as failed:
            list(film.pieces(0, 10))
        assert failed.value.word == "Away"
    assert time.monotonic() - began < 0.5

    shared.be("")
    bucket._rest_until = time.monotonic() - 1
    assert b"".join(film.pieces(0, 10)) == FILM[:10]


def wait_for_it(film: module.StoredFile) -> None:
    with contextlib.suppress(BucketFailed):
        list(film.pieces(0, 10))


def test_only_some_threads_may_wait_for_it(
    bucket: Bucket, film: module.StoredFile, shared: Between, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "PLACE_SECONDS", 0.1)
    shared.silence.clear()
    shared.be("silent")
    waiting = [threading.Thread(target=wait_for_it, args=(film,)) for _ in range(module.MAX_READS)]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)

    with pytest.raises(BucketFailed) as failed:
        list(film.pieces(0, 10))

    shared.silence.set()
    for thread in waiting:
        thread.join()
    assert failed.value.word == "Busy"


def test_what_is_known_of_a_folder_is_forgotten_with_it(
    bucket: Bucket, film: module.StoredFile, shared: Between
):
    shared.asked.clear()
    assert bucket.folder("folder") == {"film": film}
    assert shared.asked == []

    bucket.delete_folder("folder")

    assert bucket.folder("folder") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEDIA_URL", "https://bucket.example.org"),
        ("MEDIA_URL", "s3://"),
        ("MEDIA_URL", "s3://Bucket"),
        ("MEDIA_URL", "s3://bucket/a b"),
        ("MEDIA_URL", "s3://bucket/../other"),
        ("MEDIA_URL", "s3://key:secret@bucket"),
        ("MEDIA_URL", "s3://bucket?endpoint=x"),
        ("AWS_ENDPOINT_URL_S3", "s3.example.org"),
        ("AWS_ENDPOINT_URL_S3", "https://key:secret@s3.example.org"),
    ],
)
def test_a_wrong_address_stops_the_start(name: str, value: str, tmp_path: Path):
    with pytest.raises(WrongSetting, match=name):
        load({**GIVEN, "DATA_DIR": str(tmp_path), name: value})


def test_a_key_without_its_secret_stops_the_start(tmp_path: Path):
    with pytest.raises(WrongSetting, match="AWS_SECRET_ACCESS_KEY"):
        load({**GIVEN, "DATA_DIR": str(tmp_path), "AWS_ACCESS_KEY_ID": KEY})


def test_without_its_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("contentflow.config.find_spec", lambda name: None)

    with pytest.raises(WrongSetting, match=r"MEDIA_URL.*the extra “s3”"):
        load({**GIVEN, "DATA_DIR": str(tmp_path), "MEDIA_URL": "s3://bucket"})


def test_a_machine_without_a_bucket_loads_nothing_of_it(app: Flask):
    assert app.extensions["bucket"] is None
