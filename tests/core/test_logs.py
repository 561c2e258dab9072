"""Lines of the log: an object each where that is asked for, under the id of their request or task."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.core import logs
from contentflow.core.broker import broker, enqueue_now, register_task
from contentflow.web.access import public
from tests.house import run_work

log = logging.getLogger("contentflow.test")


@pytest.fixture
def written(app: Flask) -> Iterator[io.StringIO]:
    """What a handler of the process writes down."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    logs.belong_to()
    yield stream
    root.removeHandler(handler)


def objects(written: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_is_an_object_with_its_level_and_its_time(written: io.StringIO):
    logs.set_format("json")

    log.warning("a “word” on\ntwo lines: %s", 7)

    (said,) = objects(written)
    assert (said["level"], said["logger"]) == ("warning", "contentflow.test")
    assert said["message"] == "a “word” on\ntwo lines: 7"
    assert said["at"].endswith("+00:00")


def test_a_trace_stands_in_its_line(written: io.StringIO):
    logs.set_format("json")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        log.exception("failed")

    (said,) = objects(written)
    assert "ZeroDivisionError" in said["error"]


def test_the_id_that_an_error_page_shows_stands_in_the_log(
    app: Flask, client: FlaskClient, written: io.StringIO
):
    def explode() -> str:
        raise ZeroDivisionError

    app.view_functions["web.home"] = public(explode)
    logs.set_format("json")

    answer = client.get("/")

    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] in {said.get("request_id") for said in objects(written)}


def test_what_a_task_says_stands_under_its_name_and_row(app: Flask, written: io.StringIO):
    register_task(app, "test.task", "mail", lambda row_id: log.warning("here"))
    logs.set_format("json")
    enqueue_now("test.task", "a-row")

    message = broker().queue("mail").dequeue()
    assert message is not None
    broker().queue("mail").execute(message)

    (said,) = [said for said in objects(written) if said["message"] == "here"]
    assert (said["task"], said["row_id"]) == ("test.task", "a-row")


def test_for_people_the_id_stands_behind(written: io.StringIO):
    logs.set_format("text")

    with logs.belonging_to(request_id="abc"):
        log.warning("here")
    log.warning("there")

    first, second = written.getvalue().splitlines()
    assert first.endswith("contentflow.test here request_id=abc")
    assert second.endswith("contentflow.test there")


def test_a_login_and_its_mail_leave_no_address_in_the_log(
    app: Flask, client: FlaskClient, alice, written: io.StringIO
):
    logging.getLogger().setLevel(logging.INFO)
    logs.set_format("json")

    client.post("/partner/login", data={"email": alice.email})
    run_work(app)
    client.get("/partner/login/" + "x" * 43, headers={"X-Forwarded-For": "203.0.113.9"})

    said = written.getvalue()
    assert alice.email not in said and "203.0.113.9" not in said and "x" * 43 not in said
