"""Counts are right over several processes of the site."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest

from tests.live import Live, serving

pytestmark = pytest.mark.proof


def counted(live: Live) -> float:
    with urllib.request.urlopen(f"{live.url}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    found = re.search(r'contentflow_request_seconds_count\{route="web.legal",status="2xx"\} (\S+)', told)
    return float(found[1]) if found else 0.0


def test_two_processes_count_together_and_a_restart_begins_anew(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        before = counted(live)
        for _ in range(40):
            assert live.status("/legal") == 200

        assert before == 0
        assert [counted(live) for _ in range(6)] == [40.0] * 6
    with serving(tmp_path) as live:
        assert counted(live) == 0
