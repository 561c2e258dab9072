"""Backed up under load, killed in mid-backup, destroyed, restored elsewhere, taken live."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tests.live import Live, serving

pytestmark = [pytest.mark.proof, pytest.mark.slow]

PASSPHRASE = {"BACKUP_PASSPHRASE": "a passphrase of some length"}
BULK = 400


class Load(threading.Thread):
    """Somebody who asks and asks; whatever is not answered 200 is counted."""

    def __init__(self, live: Live, page: str) -> None:
        super().__init__(daemon=True)
        self.live, self.page = live, page
        self.answered = self.failed = 0
        self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            if self.live.status(self.page) == 200:
                self.answered += 1
            else:
                self.failed += 1


def follow_login(live: Live) -> None:
    url = live.run("partner", "login-link", "alice@example.org")["url"]
    with urllib.request.urlopen(url, timeout=20) as response:
        assert response.status == 200


def test_a_programme_is_backed_up_under_load_destroyed_restored_and_taken_live(tmp_path: Path):
    kept = tmp_path / "kept"
    with serving(tmp_path / "original", **PASSPHRASE) as original:
        original.run("partner", "add", "alice@example.org")
        original.run("offer", "add", "Nova", "https://nova.example.com/?c={click_id}")
        media = original.data_dir / "media" / "asset" / "render"
        media.mkdir(parents=True)
        for number in range(BULK):
            (media / f"cover-{number}.jpg").write_bytes(bytes([number % 256]) * 50_000)
        load = Load(original, "/readyz")
        load.start()
        for moment in (0.3, 0.8, 1.2, 1.6, 2.0):
            kill_backup_after(original, kept, moment)

        made = original.run("backup", str(kept))
        assert original.run("backup", str(kept), "--check")[0]["backup"] == made["backup"]
        assert not list(kept.glob(".draft-*"))
        load.is_over = True
        load.join()
        assert load.answered > 0 and load.failed == 0
    shutil.rmtree(original.data_dir)

    copy = Live(tmp_path / "copy", {**PASSPHRASE})
    copy.data_dir.mkdir()
    done = copy.run("restore", str(kept))
    assert done["rows"] == made["rows"]
    with serving(copy.data_dir, **PASSPHRASE) as live:
        assert live.run("restore", "--go-live", "all")["live"] == ["mail", "payouts", "posts"]
        follow_login(live)
        assert live.run("partner", "add", "alice@example.org")["id"]
        assert len(list((live.data_dir / "media/asset/render").iterdir())) == BULK


def kill_backup_after(live: Live, kept: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "contentflow", "backup", str(kept)]
    running = subprocess.Popen(
        command, env=live.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    running.send_signal(signal.SIGKILL)
    running.wait()
    whole = [path for path in kept.glob("2*") if path.is_dir()]
    assert all(json.loads((path / "manifest.json").read_text())["rows"] for path in whole)
