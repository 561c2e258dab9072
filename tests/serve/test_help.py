"""Help is there before any setting is, and costs next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from contentflow import terminal_language
from contentflow.cli import COMMANDS, Commands
from contentflow.config import ROOT

# Without any setting, and with one that would stop every start.
NO_SETTINGS = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": "eighty"}
TRANSLATED = "from contentflow.terminal_language import translate_click\ntranslate_click()"
EVERY_HELP = """
import click
from contentflow.cli import Commands

def ask(command, words):
    try:
        command.main([*words, "--help"], prog_name="contentflow", standalone_mode=False)
    except SystemExit as end:
        assert not end.code, words
    found = command
    context = click.Context(command)
    for word in words:
        found = found.get_command(context, word)
    for name in found.list_commands(context) if isinstance(found, click.Group) else ():
        ask(command, [*words, name])

ask(Commands(), [])
"""
HEAVY = [
    "flask", "sqlalchemy", "babel", "huey", "alembic", "cv2", "numpy", "redis", "psycopg", "yt_dlp",
    "requests", "email_validator", "cryptography", "segno", "regex", "is_bot", "crawleruseragents",
    "faster_whisper",
]  # fmt: skip
# Packages and their modules, whoever brings them in: more of them is a slower start of every command.
MAX_MODULES = 1_130


def run(folder: Path, script: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder, env={**NO_SETTINGS, **environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(folder: Path, script: str, **environ: str) -> list[str]:
    """Run a script and return the heavy packages that it brought in."""
    tell = f"\nimport json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    names: list[str] = json.loads(run(folder, script + tell, **environ).splitlines()[-1])
    return names


def test_every_commands_help_answers_without_any_setting(tmp_path: Path) -> None:
    said = run(tmp_path, EVERY_HELP)

    assert said.count("Usage: contentflow") > 2 * len(COMMANDS)
    assert "Usage: contentflow partner add [OPTIONS] EMAIL" in said
    assert list(tmp_path.iterdir()) == []


def test_the_first_help_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "from contentflow.cli import Commands\nCommands().main(['--help'], standalone_mode=False)"

    assert loaded(tmp_path, script) == []


def test_a_web_process_imports_only_what_it_needs(tmp_path: Path) -> None:
    environ = {"ENV": "development", "DATA_DIR": str(tmp_path / "data"), "PORT": "8000", "DATABASE_URL": ""}

    assert loaded(tmp_path, "import wsgi", **environ) == ["flask", "sqlalchemy", "babel"]


def test_a_web_process_starts_with_a_bounded_number_of_modules_and_none_is_looked_through_again(
    tmp_path: Path,
) -> None:
    environ = {"ENV": "development", "DATA_DIR": str(tmp_path / "data"), "PORT": "8000", "DATABASE_URL": ""}
    script = "import wsgi, gc, sys; print(len(sys.modules), gc.get_freeze_count(), gc.isenabled())"

    modules, frozen, collects = run(tmp_path, script, **environ).split()

    assert int(modules) <= MAX_MODULES
    assert int(frozen) > 100_000
    assert collects == "True"


def test_the_list_of_commands_is_that_of_the_application(app: Flask) -> None:
    """A new command stands in ``contentflow/cli.py`` too, with its first sentence."""
    assert sorted(app.cli.commands) == sorted(COMMANDS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_is_listed_with_its_own_first_sentence(app: Flask, name: str) -> None:
    root = Commands()
    command = root.get_command(root.context_class(root), name)

    assert command is not None
    assert command.get_short_help_str(limit=200).rstrip(".") == COMMANDS[name][1].rstrip(".")
    if name != "db":  # ``flask db`` has more than ``contentflow db``.
        assert app.cli.commands[name] is command  # type: ignore[attr-defined]


def test_flask_itself_knows_the_commands_and_what_developers_need_besides(tmp_path: Path) -> None:
    environ = {**NO_SETTINGS, "ENV": "development", "DATA_DIR": str(tmp_path), "PORT": "8000"}
    flask = [sys.executable, "-m", "flask", "--app", "wsgi", "db"]

    upgraded, current = (
        subprocess.run(
            [*flask, command], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
        ).stdout.split()
        for command in ("upgrade", "current")
    )

    assert upgraded[0] == current[0]


@pytest.mark.parametrize(
    ("environ", "speaks"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_BE"}, "fr"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "en_GB", "LANGUAGE": "fr:en"}, "fr"),
    ],
)
def test_the_terminals_variables_choose_the_language(environ: dict[str, str], speaks: str) -> None:
    assert terminal_language.language(environ) == speaks


def test_help_speaks_french_where_the_terminal_does(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        f"{TRANSLATED}\n{EVERY_HELP}",
        LANG="fr_FR",
    )

    english = "Show this message", "print JSON", "Commands:", "Usage:", "List ", " the "
    assert [word for word in english if word in said] == []
    assert said.count("Montre cette aide.") > len(COMMANDS)
