"""Deliveries a second of one worker against an instant mail service, beside a bare loop of requests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from bench.pages import RECIPIENTS, SETTINGS, Partner
from bench.processes import worked
from bench.servers import Miscounted, Programme, programme
from contentflow.config import ROOT
from contentflow.core.db import dispose
from contentflow.figures.services import sum_up

PATIENCE_SECONDS = 600.0
COMMAND = [sys.executable, "-m", "contentflow", "worker"]


@dataclass(frozen=True)
class Told:
    calls: int
    messages: int
    seconds: float
    body: str


@contextmanager
def mail_service() -> Iterator[str]:
    script = [sys.executable, str(ROOT / "bench" / "standin.py")]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v3"
        finally:
            process.terminate()


def measure(recipients: int) -> float:
    """Print the deliveries a second; return them as a ratio to the bare loop's requests a second."""
    with mail_service() as url, programme("mail", **(SETTINGS | {"BREVO_API_URL": url})) as own:
        _settle(own)
        partner = Partner(own)
        shares = max(1, recipients // RECIPIENTS)
        for _ in range(shares):
            partner.share(partner.share_form())
        mails, cost = _delivered(url, own.environ, shares * RECIPIENTS)
        rate = (mails.calls - 1) / mails.seconds
        bare, bare_cost = _bare_loop(url, mails.body, shares * RECIPIENTS)
    print(f"\n{rate:.0f} deliveries a second of one worker, {cost * 1000:.2f} ms of processor time each")
    print(f"{bare:.0f} requests a second of a bare session, {bare_cost * 1000:.2f} ms each")
    print(f"rate × {rate / bare:.2f}, processor time × {cost / bare_cost:.2f}", flush=True)
    return rate / bare


def _settle(own: Programme) -> None:
    """Do beforehand what a worker does once for the sales that came with the programme."""
    with own.app.app_context():
        while sum_up():
            pass
        dispose()


def _delivered(url: str, environ: dict[str, str], expected: int) -> tuple[Told, float]:
    """Let one worker send all that waits, each once; return what came, and seconds of work each."""
    worker = subprocess.Popen(COMMAND, env=environ, cwd=ROOT)
    try:
        _wait_for(1, url, worker)  # Its start is no mail's.
        started, before = worked(worker.pid), _told(url).calls
        told = _wait_for(expected, url, worker)
        cost = (worked(worker.pid) - started) / (told.calls - before)
    finally:
        worker.terminate()
        worker.wait(30)
    if told.messages != expected or told.calls != expected:
        raise Miscounted(f"{expected} mails waited, {told.calls} calls made {told.messages} messages")
    return told, cost


def _wait_for(calls: int, url: str, worker: subprocess.Popen[bytes]) -> Told:
    told, until = _told(url), time.monotonic() + PATIENCE_SECONDS
    while told.calls < calls:
        if time.monotonic() > until or worker.poll() is not None:
            raise Miscounted(f"{calls} mails wait, {told.calls} came")
        time.sleep(0.1)
        told = _told(url)
    return told


def _told(url: str) -> Told:
    return Told(**requests.get(url, timeout=10).json())


def _bare_loop(url: str, body: str, times: int) -> tuple[float, float]:
    """Return requests a second, and processor seconds of each."""
    headers = {"api-key": "bench", "Content-Type": "application/json"}
    began, worked_before = time.monotonic(), time.process_time()
    with requests.Session() as session:
        for _ in range(times):
            session.post(f"{url}/smtp/email", data=body, headers=headers, timeout=10)
    return times / (time.monotonic() - began), (time.process_time() - worked_before) / times
