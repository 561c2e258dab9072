"""The way back: into an empty place, whole or not at all, and quiet until it is taken live."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from contentflow.backup import restoring, services
from contentflow.config import MADE_KEY, RESTORED_KEYS, settings
from contentflow.core import clock, encryption, quarantine
from contentflow.core.db import db, transaction
from contentflow.core.registry import registry
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.partners.models import Partner
from tests.backup.conftest import Elsewhere
from tests.backup.test_backup import call, saved
from tests.house import browser, post, run_work


def queue_mail(kind: str, at=None, **values) -> str:
    with transaction():
        delivery = Delivery(
            kind=kind,
            recipient="carol@example.net",
            recipient_hash=f"hash-{kind}-{clock.now()}",
            state="queued",
            next_attempt_at=at or clock.now(),
            **values,
        )
        db.session.add(delivery)
        db.session.flush()
        return delivery.id


def state_of(delivery_id: str) -> str:
    db.session.rollback()
    return str(db.session.scalar(select(Delivery.state).where(Delivery.id == delivery_id)))


@pytest.fixture
def kept(app: Flask, alices_post, tmp_path: Path) -> Path:
    """A folder with one backup of a programme with alice's post, a clip and a click on its way."""
    for name, content in (("media/asset/render/clip.mp4", "a clip"), ("journal/clicks.journal", "{}\n")):
        path = settings().data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    saved(app, tmp_path / "kept")
    return tmp_path / "kept"


def test_a_restored_programme_is_the_one_that_was(kept: Path, elsewhere: Elsewhere):
    sealed = encryption.encrypt("a network's secret")
    app = elsewhere()
    with app.app_context():
        done = call(app, "restore", kept, "--json")
        assert done.exit_code == 0, done.output

        rows = json.loads(done.stdout)["rows"]
        counts = {
            table: db.session.scalar(text(f'SELECT count(*) FROM "{table}"'))
            for table in rows
            if table not in ("quarantines", "heartbeats")
        }
        assert counts == {table: rows[table] for table in counts}
        assert rows["byop_submissions"] == 1
        assert db.session.scalar(select(Partner.email)) == "alice@example.org"
        assert (settings().data_dir / "media/asset/render/clip.mp4").read_text() == "a clip"
        assert (settings().data_dir / "journal/clicks.journal").stat().st_nlink == 1
    with elsewhere().app_context():
        assert encryption.decrypt(sealed) == "a network's secret"
        assert settings().secret_key == ("another-key-of-enough-length", "a-test-key-of-enough-length")
        assert (settings().data_dir / RESTORED_KEYS).stat().st_mode & 0o077 == 0
        assert "0 d" in str(registry().doctor["backup"]())


def test_a_full_place_is_refused_and_stays_as_it_was(kept: Path, elsewhere: Elsewhere):
    app = elsewhere()
    with app.app_context():
        assert call(app, "restore", kept).exit_code == 0
        with transaction():
            db.session.execute(text("UPDATE partners SET name = 'changed'"))

        again = call(app, "restore", kept)

        assert again.exit_code == 1
        assert db.session.scalar(select(Partner.name)) == "changed"


def test_one_file_in_data_dir_is_refused_but_for_the_key_of_development(kept: Path, elsewhere: Elsewhere):
    app = elsewhere()
    with app.app_context():
        (settings().data_dir / MADE_KEY).write_text("made by development")
        (settings().data_dir / "deep" / "er").mkdir(parents=True)
        stray = settings().data_dir / "deep" / "er" / "stray.txt"
        stray.write_text("mine")
        refused = call(app, "restore", kept)
        assert refused.exit_code == 1 and "stray.txt" in refused.output
        assert not (settings().data_dir / "media").exists()

        stray.unlink()

        assert call(app, "restore", kept).exit_code == 0


@pytest.mark.parametrize("breaks", ["database.sealed", "files/media/asset/render/clip.mp4"])
def test_a_damaged_backup_brings_nothing(kept: Path, elsewhere: Elsewhere, breaks: str):
    broken = next(kept.glob("2*")) / breaks
    broken.unlink()
    broken.write_bytes(b"something else")
    app = elsewhere()
    with app.app_context():
        done = call(app, "restore", kept)

        assert done.exit_code == 1
        assert [path for path in settings().data_dir.rglob("*") if path.is_file()] == []


def test_the_wrong_passphrase_brings_nothing_and_says_so(kept: Path, elsewhere: Elsewhere):
    app = elsewhere(BACKUP_PASSPHRASE="quite another passphrase")
    with app.app_context():
        done = call(app, "restore", kept)

        assert (done.exit_code, "BACKUP_PASSPHRASE" in done.output) == (1, True)
        assert [path for path in settings().data_dir.rglob("*") if path.is_file()] == []


def test_a_table_that_has_other_rows_than_the_manifest_brings_nothing(
    kept: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
):
    read = restoring.manifest.read

    def read_wrong(*arguments):
        told = read(*arguments)
        told.rows["partners"] += 1
        return told

    monkeypatch.setattr(restoring.manifest, "read", read_wrong)
    app = elsewhere()
    with app.app_context():
        done = call(app, "restore", kept)

        assert (done.exit_code, "partners" in done.output) == (1, True)
        assert restoring._tables() == set()
        assert not (settings().data_dir / "media").exists()


def test_a_restore_that_was_killed_is_begun_anew_and_serve_waits_for_it(kept: Path, elsewhere: Elsewhere):
    app = elsewhere()
    with app.app_context():
        (settings().data_dir / restoring.RESTORING).touch()
        (settings().data_dir / "media").mkdir()
        (settings().data_dir / "media" / "half").write_text("half")

        assert call(app, "serve").exit_code == 1
        assert registry().doctor["restore"]() is not None
        assert call(app, "restore", kept).exit_code == 0

        assert not (settings().data_dir / "media" / "half").exists()
        assert registry().doctor["restore"]() is None


def test_a_backup_of_a_newer_version_is_refused(
    kept: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
):
    app, read = elsewhere(), restoring.manifest.read
    monkeypatch.setattr(
        restoring.manifest,
        "read",
        lambda *given: restoring.Manifest(**{**vars(read(*given)), "revision": "9999"}),
    )
    with app.app_context():
        assert call(app, "restore", kept).exit_code == 1


def restored(app: Flask, kept: Path) -> None:
    done = call(app, "restore", kept)
    assert done.exit_code == 0, done.output


def test_a_restored_programme_sends_logins_alone_until_it_is_taken_live(
    app: Flask, alice, elsewhere: Elsewhere, tmp_path: Path
):
    waiting = queue_mail("clip")
    before = queue_mail("login")
    saved(app, tmp_path / "kept")
    other = elsewhere()
    with other.app_context():
        restored(other, tmp_path / "kept")
        share = queue_mail("share")
        post(browser(other), "/partner/login", {"email": alice.email})

        run_work(other)

        assert state_of(before) == "cancelled"
        assert (state_of(waiting), state_of(share)) == ("queued", "queued")
        assert list(db.session.scalars(select(CapturedMail.recipient))) == [alice.email]
        assert registry().doctor["quarantine"]() is not None


def test_going_live_sends_nothing_that_the_original_may_have_sent(
    app: Flask, elsewhere: Elsewhere, tmp_path: Path
):
    was_due = queue_mail("share")
    not_yet_due = queue_mail("share", clock.now() + timedelta(hours=1))
    saved(app, tmp_path / "kept")
    other = elsewhere()
    with other.app_context():
        restored(other, tmp_path / "kept")
        new = queue_mail("share")

        done = json.loads(call(other, "restore", "--go-live", "mail", "--json").stdout)

        assert done == {"live": ["mail"], "unknown": 1}
        assert [state_of(one) for one in (was_due, not_yet_due, new)] == ["unknown", "queued", "queued"]
        assert (quarantine.is_held("mail"), quarantine.is_held("posts")) == (False, True)


def test_who_knows_when_the_original_ended_loses_no_mail_that_was_due_later(
    app: Flask, elsewhere: Elsewhere, tmp_path: Path
):
    with time_machine.travel(clock.now(), tick=True) as now:
        waiting, ended = queue_mail("share", clock.now() + timedelta(minutes=5)), clock.now()
        saved(app, tmp_path / "kept")
        now.shift(timedelta(hours=1))
        other = elsewhere()
        with other.app_context():
            restored(other, tmp_path / "kept")
            too_late = call(
                other,
                "restore",
                "--go-live",
                "all",
                "--original-ended",
                (ended + timedelta(days=1)).isoformat(),
            )
            assert too_late.exit_code == 1

            done = call(other, "restore", "--go-live", "all", "--original-ended", ended.isoformat())

            assert done.exit_code == 0
            assert state_of(waiting) == "queued"
            assert quarantine.held() == []


def test_what_was_never_restored_is_live_already(app: Flask):
    done = call(app, "restore", "--go-live", "all", "--json")

    assert (done.exit_code, json.loads(done.stdout)) == (0, {"live": [], "unknown": 0})


def test_restore_wants_a_folder_or_go_live(app: Flask, tmp_path: Path):
    assert call(app, "restore").exit_code != 0
    assert call(app, "restore", tmp_path, "--go-live", "all").exit_code != 0


def test_sealed_blocks_cannot_be_cut_off_or_moved(app: Flask, tmp_path: Path):
    random = [services.os.urandom(1 << 20) for _ in range(3)]
    path = tmp_path / "sealed"
    with path.open("wb") as target:
        services.encrypted_stream.encrypt(random, "a passphrase", target)
    whole = path.read_bytes()
    with path.open("rb") as source:
        assert b"".join(services.encrypted_stream.decrypt(source, "a passphrase")) == b"".join(random)

    size = services.encrypted_stream.BLOCK_BYTES + services.encrypted_stream.TAG_BYTES
    head = (
        len(services.encrypted_stream.MAGIC)
        + services.encrypted_stream.SALT_BYTES
        + services.encrypted_stream.PREFIX_BYTES
    )
    for changed in (whole[: head + size], whole[:head] + whole[head + size :]):
        path.write_bytes(changed)
        with path.open("rb") as source, pytest.raises(services.encrypted_stream.WrongPassphrase):
            b"".join(services.encrypted_stream.decrypt(source, "a passphrase"))
