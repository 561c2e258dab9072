from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from contentflow import commands, serve
from contentflow.config import ROOT, load
from contentflow.core.registry import registry


def test_a_wrong_setting_ends_gunicorn_with_one_line(tmp_path: Path) -> None:
    environ = {**os.environ, "ENV": "development", "DATA_DIR": str(tmp_path), "PORT": "eighty"}

    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgi:app"],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert ended.stderr.startswith("PORT='eighty' is not accepted")
    assert ended.stderr.count("\n") == 1


def test_a_port_in_use_ends_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(serve, "PORT_WAIT_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        settings = load({"ENV": "development", "DATA_DIR": str(tmp_path), "PORT": port})

        status = serve.run(settings, workers=1, migrate=lambda: None)

    assert status == 1
    assert port in capfd.readouterr().err


@pytest.mark.parametrize(("host", "visited"), [("::1", "::1"), ("::", "127.0.0.1"), ("127.0.0.1",) * 2])
def test_the_port_is_opened_on_either_kind_of_address(host: str, visited: str) -> None:
    with serve.open_port(host, 0) as listener:
        port = listener.getsockname()[1]

        socket.create_connection((visited, port), timeout=2).close()


def test_nobody_is_greeted_while_the_port_is_anothers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serve, "PORT_WAIT_SECONDS", 0)
    greeted: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        settings = load({"ENV": "development", "DATA_DIR": str(tmp_path), "PORT": port})

        serve.run(settings, workers=1, migrate=lambda: None, greet=lambda: greeted.append(True))

    assert greeted == []


def test_a_failed_migration_starts_nothing(tmp_path: Path) -> None:
    settings = load({"ENV": "development", "DATA_DIR": str(tmp_path)})

    def migrate() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        serve.run(settings, workers=1, migrate=migrate)


def test_the_parent_death_pipe_is_nothing_outside_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(serve.PARENT_PIPE, raising=False)

    serve.die_with_parent()


def test_children_meet_the_product_from_whatever_folder_it_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "contentflow").mkdir()  # As the folder around a clone: “python -m” would find this one.
    monkeypatch.chdir(tmp_path)
    script = "import contentflow, sys; sys.exit(contentflow.__file__ is None)"
    child = serve.Child("probe", [sys.executable, "-c", script], [], {"PATH": os.environ["PATH"]})

    child.poll(0.0)

    assert child.process is not None
    assert child.process.wait(30) == 0


def test_the_start_says_what_doctor_would(app: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    parts = registry(app).doctor
    parts.clear()
    parts.update({"mail": lambda: "Mail rests: mend it.", "ledger": lambda: None})
    parts["worker"] = lambda: "No worker was seen."  # This very command starts it next.

    commands._warn()

    assert capfd.readouterr().err == "serve: mail: Mail rests: mend it.\n"


def test_serve_warns_once_the_port_is_its_own(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(serve, "run", lambda *given: asked.extend(given) or 0)

    assert app.test_cli_runner().invoke(args=["serve"]).exit_code == 0

    assert asked[-1] is commands._warn


@pytest.mark.parametrize(
    ("speaks", "options", "said"),
    [
        ("fr_FR.UTF-8", (), "Aucun travail n’a été vu"),
        ("en_GB.UTF-8", (), "No worker was seen"),
        ("fr_FR.UTF-8", ("--json",), "No worker was seen"),  # Values never change with the language.
    ],
)
def test_doctor_speaks_as_the_terminal_does_and_json_as_ever(
    app: Flask, monkeypatch: pytest.MonkeyPatch, speaks: str, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("LANGUAGE", speaks)

    result = app.test_cli_runner().invoke(args=["doctor", *options])

    assert said in result.output
    assert os.environ["LANGUAGE"] == speaks
