"""What the worker does again and again has a name, under which the doctor tells of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState

from contentflow.core import clock, heartbeat
from contentflow.core.db import db, transaction
from contentflow.core.maintenance import last_runs, maintenance, register_maintenance, register_sweep
from contentflow.core.registry import registry


def explode() -> None:
    raise ZeroDivisionError


@pytest.fixture
def calls(app: Flask) -> list[str]:
    """The names of what was done; nothing else is registered."""
    done: list[str] = []
    maintenance().hourly.clear()
    maintenance().sweeps.clear()
    return done


def test_a_failure_keeps_nothing_else_from_being_done(app: Flask, calls: list[str]):
    for register in (register_sweep, register_maintenance):
        register(app, "test.explode", explode)
        register(app, "test.after", lambda: calls.append("after"))

    maintenance().sweep()
    maintenance().run_hourly()

    assert calls == ["after", "after"]


def test_the_doctor_tells_which_maintenance_fails_until_it_is_done_again(app: Flask, calls: list[str]):
    check = registry().doctor["maintenance"]
    register_maintenance(app, "test.explode", explode)
    register_maintenance(app, "test.fine", lambda: None)

    maintenance().run_hourly()

    assert "(test.explode)" in (check() or "")
    assert set(last_runs()) == {"test.fine"}
    register_maintenance(app, "test.explode", lambda: None)
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        maintenance().run_hourly()
    assert check() is None


def test_maintenance_that_exists_no_more_is_no_fault(app: Flask, calls: list[str]):
    register_maintenance(app, "test.explode", explode)
    maintenance().run_hourly()

    maintenance().hourly.clear()

    assert registry().doctor["maintenance"]() is None


def test_while_the_clock_is_not_to_be_trusted_nothing_old_is_deleted(app: Flask, calls: list[str]):
    register_maintenance(app, "test.delete", lambda: calls.append("deleted"))
    with transaction():
        heartbeat.beat(heartbeat.LOOK)

    with time_machine.travel(clock.now() + timedelta(days=365), tick=False):
        maintenance().run_hourly()

    assert calls == []
    assert last_runs() == {}


def test_nothing_is_written_that_nobody_commits(app: Flask, alices_post: object):
    """What an act writes outside of its own transaction is rolled back by the next one's."""
    written: list[str] = []

    def note(state: ORMExecuteState) -> None:
        if not state.is_select and not state.session.info.get("open"):
            written.append(str(state.statement))

    event.listen(db.session, "do_orm_execute", note)
    try:
        with time_machine.travel(clock.now() + timedelta(days=31)):
            for act in (*maintenance().hourly.values(), *maintenance().sweeps.values()):
                act()
                assert not db.session.dirty and not db.session.new
    finally:
        event.remove(db.session, "do_orm_execute", note)

    assert written == []
