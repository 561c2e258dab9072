"""A backup: whole or not at all, sealed, checked to the last byte, and kept by count."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from contentflow.backup import files, manifest, services
from contentflow.backup.manifest import Damaged
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.registry import registry
from contentflow.links.models import VisitorKey
from tests.conftest import MakeApp
from tests.factories.bucket import Between


def call(app: Flask, *arguments: object) -> Result:
    done = app.test_cli_runner().invoke(args=[*map(str, arguments)])
    db.session.remove()
    return done


def saved(app: Flask, folder: Path) -> Path:
    done = call(app, "backup", folder, "--json")
    assert done.exit_code == 0, done.output
    return Path(json.loads(done.stdout)["backup"])


@pytest.fixture
def clip(app: Flask) -> Path:
    """A file of a finished render."""
    path = settings().data_dir / "media" / "asset" / "render" / "clip.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a clip")
    return path


def test_a_backup_counts_its_rows_and_names_its_files(app: Flask, alices_post, clip: Path, tmp_path: Path):
    done = json.loads(call(app, "backup", tmp_path / "kept", "--json").stdout)
    told = manifest.read(Path(done["backup"]))

    assert done["rows"]["byop_submissions"] == told.rows["partners"] == 1
    assert set(told.files) == {"database.sealed", "keys.sealed", "files/media/asset/render/clip.mp4"}
    assert call(app, "backup", tmp_path / "kept", "--check").exit_code == 0


def test_with_a_bucket_a_backup_names_it_and_takes_none_of_its_videos(
    make_app: MakeApp, shared: Between, tmp_path: Path
):
    app = make_app(**shared.settings, BACKUP_PASSPHRASE="a passphrase of some length")
    with app.app_context():
        app.extensions["bucket"].put_bytes("media/asset/render/clip.mp4", b"a clip")
        shared.asked.clear()

        done = json.loads(call(app, "backup", tmp_path / "kept", "--json").stdout)

        assert done["media"] == shared.settings["MEDIA_URL"]
        assert set(manifest.read(Path(done["backup"])).files) == {"database.sealed", "keys.sealed"}
        assert shared.asked == []


def test_media_are_linked_and_journals_copied(app: Flask, clip: Path, tmp_path: Path):
    journal = settings().data_dir / "journal" / "clicks.journal"
    journal.parent.mkdir(exist_ok=True)
    journal.write_text("{}\n")

    backup = saved(app, tmp_path / "kept")

    assert (backup / "files/media/asset/render/clip.mp4").stat().st_ino == clip.stat().st_ino
    assert (backup / "files/journal/clicks.journal").stat().st_ino != journal.stat().st_ino


def test_another_disk_gets_a_copy_once_and_then_a_link_to_it(
    app: Flask, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    link = os.link

    def other_disk(source: Path, target: Path) -> None:
        if settings().data_dir in Path(source).parents and "kept" not in Path(source).parts:
            raise OSError(18, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr(os, "link", other_disk)
    first, second = (saved(app, tmp_path / "kept") / "files/media/asset/render/clip.mp4" for _ in range(2))

    assert first.read_bytes() == b"a clip"
    assert first.stat().st_ino == second.stat().st_ino != clip.stat().st_ino


def test_no_secret_and_no_address_can_be_read_in_a_backup(app: Flask, alice, tmp_path: Path):
    backup = saved(app, tmp_path / "kept")

    content = b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    assert b"alice@example.org" not in content
    assert settings().secret_key[0].encode() not in content
    assert not backup.stat().st_mode & 0o077


def test_keys_of_visitors_are_in_no_backup(app: Flask, tmp_path: Path):
    with transaction():
        db.session.add(VisitorKey(day=clock.now().date(), key=b"a-key-that-must-die-within-48-hours"[:32]))

    backup = saved(app, tmp_path / "kept")

    with (backup / "database.sealed").open("rb") as source:
        content = b"".join(services.encrypted_stream.decrypt(source, settings().backup_passphrase))
    assert b"a-key-that-must" not in content and b"a-key-that-must".hex().encode() not in content
    assert db.session.scalar(select(VisitorKey.day)) is not None


def test_without_a_passphrase_nothing_is_written(make_app, tmp_path: Path):
    app = make_app()
    with app.app_context():
        done = call(app, "backup", tmp_path / "kept")

    assert done.exit_code == 1
    assert "BACKUP_PASSPHRASE" in done.output
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    "name", ["database.sealed", "keys.sealed", "manifest.json", "files/media/asset/render/clip.mp4"]
)
def test_check_finds_one_changed_byte_in_any_backup(app: Flask, clip: Path, tmp_path: Path, name: str):
    older, _newer = saved(app, tmp_path / "kept"), saved(app, tmp_path / "kept")
    broken = older / name
    content = bytearray(broken.read_bytes())
    content[-2] ^= 1
    broken.unlink()
    broken.write_bytes(content)

    done = call(app, "backup", tmp_path / "kept", "--check")

    assert done.exit_code == 1
    assert f"{older.name}/{name}" in done.output


def test_check_finds_a_file_that_is_gone(app: Flask, clip: Path, tmp_path: Path):
    backup = saved(app, tmp_path / "kept")
    (backup / "keys.sealed").unlink()

    with pytest.raises(Damaged):
        services.check(tmp_path / "kept")


def test_check_of_a_folder_without_backups_says_so(app: Flask, tmp_path: Path):
    assert call(app, "backup", tmp_path / "nothing", "--check").exit_code == 1


def test_check_with_another_passphrase_says_so(app: Flask, make_app, tmp_path: Path):
    saved(app, tmp_path / "kept")
    other = make_app(BACKUP_PASSPHRASE="quite another passphrase")

    with other.app_context():
        done = call(other, "backup", tmp_path / "kept", "--check")

    assert (done.exit_code, "BACKUP_PASSPHRASE" in done.output) == (1, True)


def test_old_backups_go_by_count_and_what_is_not_ours_stays(make_app, tmp_path: Path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    app = make_app(BACKUP_PASSPHRASE="a passphrase of some length", BACKUP_KEEP="2")

    with app.app_context():
        made = [saved(app, tmp_path / "kept") for _ in range(3)]

    assert manifest.backups(tmp_path / "kept") == made[:0:-1]
    assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"


def test_what_a_killed_backup_left_counts_for_nothing_and_goes(app: Flask, tmp_path: Path):
    whole = saved(app, tmp_path / "kept")
    left = tmp_path / "kept" / f"{services.DRAFT}left"
    left.mkdir()
    (left / "manifest.json").write_text("{}")

    assert manifest.backups(tmp_path / "kept") == [whole]
    saved(app, tmp_path / "kept")

    assert not left.exists()


def test_a_full_disk_leaves_no_half_backup(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(services.encrypted_stream, "encrypt", full)

    with pytest.raises(OSError, match="No space left"):
        services.back_up(tmp_path / "kept")

    assert [path.name for path in (tmp_path / "kept").iterdir()] == [".lock"]
    assert not (settings().data_dir / services.WORKPLACE).exists()


def test_media_that_come_and_go_meanwhile_do_no_harm(
    app: Flask, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    take, encrypt = files.take, services.encrypted_stream.encrypt
    later = clip.with_name("cover-1.jpg")

    def take_while_one_goes(*arguments, **options):
        seen = take(*arguments, **options)
        clip.unlink(missing_ok=True)
        return seen

    def encrypt_while_one_comes(*arguments):
        later.write_bytes(b"a cover")
        encrypt(*arguments)

    monkeypatch.setattr(files, "take", take_while_one_goes)
    monkeypatch.setattr(services.encrypted_stream, "encrypt", encrypt_while_one_comes)
    backup = saved(app, tmp_path / "kept")

    assert (backup / "files/media/asset/render/clip.mp4").read_bytes() == b"a clip"
    assert (backup / "files/media/asset/render/cover-1.jpg").read_bytes() == b"a cover"
    assert services.check(tmp_path / "kept")


def test_two_backups_at_once_in_one_folder_are_refused(app: Flask, tmp_path: Path):
    (tmp_path / "kept").mkdir()

    with services._alone(tmp_path / "kept"):
        done = call(app, "backup", tmp_path / "kept")

    assert done.exit_code == 1


def test_doctor_tells_how_old_the_last_backup_is(app: Flask, tmp_path: Path):
    check = registry().doctor["backup"]
    never = check()
    saved(app, tmp_path / "kept")
    fresh = check()
    with time_machine.travel(clock.now() + timedelta(days=3, hours=2), tick=False):
        old = check()

    assert "backup FOLDER" in str(never)
    assert "0 d" in str(fresh)
    assert "3 days" in str(old)
    assert type(old) is str  # A fault, and no remark.
