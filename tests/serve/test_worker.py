from __future__ import annotations

import logging

import pytest
from flask import Flask

from contentflow import worker
from contentflow.core.registry import registry


def complaint(text: str, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("huey", level, __file__, 1, text, (), None)


def test_a_complaint_is_logged_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(worker.time, "monotonic", lambda: now)
    calm = worker.OnceAMinute()

    first = [calm.filter(complaint(text)) for text in ("Redis is away", "Redis is away", "sweep failed")]
    now += 59
    again = calm.filter(complaint("Redis is away"))
    now += 2
    later = calm.filter(complaint("Redis is away"))

    assert (first, again, later) == ([True, False, True], False, True)


def test_what_is_no_complaint_is_always_logged() -> None:
    calm = worker.OnceAMinute()

    assert all(calm.filter(complaint("sent", logging.INFO)) for _ in range(3))


def test_the_doctor_sees_a_broker_that_does_not_answer(make_app) -> None:
    app: Flask = make_app(HUEY_URL="redis://127.0.0.1:1")

    with app.app_context():
        assert "HUEY_URL" in (registry().doctor["broker"]() or "")


def test_the_doctor_finds_the_usual_broker_well(app: Flask) -> None:
    assert registry().doctor["broker"]() is None
