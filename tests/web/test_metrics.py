"""``/metrics``: who may read it, and that its figures are right."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from contentflow.config import ROOT
from contentflow.core import clock, metrics
from contentflow.core.db import transaction
from contentflow.core.maintenance import maintenance
from contentflow.core.registry import registry
from contentflow.mailing import services as mailing
from tests.conftest import MakeApp
from tests.house import HOST, browser

MADE = "_bucket", "_count", "_sum", "_created"


def figures(client: FlaskClient, **more: Any) -> dict[str, float]:
    answer = client.get("/metrics", **more)
    assert answer.status_code == 200
    lines = [line for line in answer.get_data(as_text=True).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_this_machine_reads_it_and_nobody_else(app: Flask, client: FlaskClient):
    assert client.get("/metrics").status_code == 200
    for address in ("203.0.113.9", "::ffff:203.0.113.9", ""):
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 404


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_whoever_comes_through_a_proxy_of_this_machine_does_not_read_it(client: FlaskClient, header: str):
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_a_bearer_token_reads_it_from_afar(make_app: MakeApp):
    client = browser(make_app(METRICS_TOKEN="a-long-token"))
    afar = {"environ_base": {"REMOTE_ADDR": "203.0.113.9"}}

    def status(token: str) -> int:
        return client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, **afar).status_code

    assert [status(token) for token in ("a-long-token", "a-long-tokeN", "", "é")] == [200, 404, 404, 404]


def test_an_empty_token_opens_nothing(client: FlaskClient):
    answer = client.get(
        "/metrics", headers={"Authorization": "Bearer "}, environ_base={"REMOTE_ADDR": "203.0.113.9"}
    )

    assert answer.status_code == 404


def test_requests_are_timed_by_route_and_class_of_status(client: FlaskClient):
    count = 'contentflow_request_seconds_count{route="%s",status="%s"}'
    home, missing = count % ("web.home", "2xx"), count % ("none", "4xx")
    before = figures(client)

    for path in ("/", "/", "/nothing-here"):
        client.get(path)

    after = figures(client)
    assert after[home] - before.get(home, 0) == 2
    assert after[missing] - before.get(missing, 0) == 1


def test_refused_postbacks_and_limits_are_counted(make_app: MakeApp):
    app = make_app(POSTBACK_REFUSED_PER_MINUTE="1")
    client = browser(app)
    refused = 'contentflow_postbacks_refused_total{status="%d"}'
    limited = 'contentflow_limits_hit_total{route="postback.receive"}'
    before = figures(client)

    statuses = [client.post("/postback/unknown", data=b"{}").status_code for _ in range(3)]

    after = figures(client)
    for status in set(statuses):
        name = refused % status
        assert after[name] - before.get(name, 0) == statuses.count(status)
    assert after[limited] - before.get(limited, 0) == statuses.count(429) > 0


def test_the_mail_queue_tells_its_depth_and_age_and_the_day_its_states(app: Flask, client: FlaskClient):
    with transaction():
        mailing.queue_login("reader@example.org", "x" * 22, "fr")

    with time_machine.travel(clock.now() + timedelta(seconds=90), tick=False):
        found = figures(client)

    assert found['contentflow_queue_depth{queue="mail"}'] == 1
    assert found['contentflow_queue_age_seconds{queue="mail"}'] == pytest.approx(90, abs=5)
    assert found['contentflow_deliveries{state="queued"}'] == 1
    assert found['contentflow_queue_depth{queue="video"}'] == 0


def test_a_database_that_is_away_leaves_the_counts_and_says_so(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    def away() -> dict[str, float]:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(registry(), "gauges", [gauge._replace(values=away) for gauge in registry().gauges])

    found = figures(client)

    assert found["contentflow_gauges_unread"] == len(registry().gauges)
    assert any(name.startswith("contentflow_request_seconds_count") for name in found)


def test_dashboard_and_alerts_name_only_figures_that_are_there(app: Flask, client: FlaskClient):
    maintenance().run_hourly()
    client.get("/", **HOST)
    told = client.get("/metrics").get_data(as_text=True)
    known = {match[1] for match in re.finditer(r"^# TYPE (\S+)", told, re.MULTILINE)}
    known |= {name + suffix for name in known for suffix in MADE}
    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
    rules = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"][0]["rules"]
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in rules]

    named = {name for each in asked for name in re.findall(r"contentflow_\w+", each)}

    assert named - known == set()
    gauges = {f"contentflow_{gauge.name}" for gauge in registry().gauges}
    assert gauges - named == set(), "a figure that nobody looks at"
    page = (ROOT / "docs" / "monitoring.md").read_text()
    assert {name for name in gauges | {"contentflow_gauges_unread"} if f"`{name}`" not in page} == set()


def test_every_alert_says_how_bad_it_is_and_what_happens():
    rules = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"][0]["rules"]

    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}
    assert all(rule["annotations"]["summary"] for rule in rules)
    assert len({rule["alert"] for rule in rules}) == len(rules)


COUNT_ALL = """
import os, resource, sys
from pathlib import Path
from contentflow.core import metrics
if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for route in sys.argv[2:]:
    for status in ("2xx", "3xx", "4xx", "5xx"):
        metrics.counts().requests.labels(route, status).observe(0.1)
    metrics.counts().limits.labels(route).inc()
for file in Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "/nowhere")).glob("*.db"):
    found = file.stat()
    print(file.name.partition("_")[0], found.st_size, found.st_blocks * 512)
print("counted", metrics.counts().requests.labels(route, "2xx")._sum.get())
"""


def counted_by_a_process(folder: Path, disk: str, app: Flask) -> dict[str, list[float]]:
    folder.mkdir()
    routes = sorted({rule.endpoint for rule in app.url_map.iter_rules()})
    done = subprocess.run(
        [sys.executable, "-c", COUNT_ALL, disk, *routes],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    words = (line.split() for line in done.stdout.splitlines())
    return {name: [float(figure) for figure in figures] for name, *figures in words}


def test_counts_of_all_routes_have_their_room_on_the_disk_beforehand(app: Flask, tmp_path: Path):
    found = counted_by_a_process(tmp_path / "metrics", "roomy", app)

    assert set(found) == {"histogram", "counter", "counted"}
    for kind, size in metrics.RESERVED_BYTES.items():
        assert found[kind][0] == size, "it grew, and has holes again"
        assert found[kind][1] >= size


def test_a_process_that_finds_no_room_counts_for_itself(app: Flask, tmp_path: Path):
    assert counted_by_a_process(tmp_path / "metrics", "full", app) == {"counted": [pytest.approx(0.1)]}
    assert list((tmp_path / "metrics").iterdir()) == []
