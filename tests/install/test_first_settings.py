"""``contentflow init``: an .env that starts, with keys that nobody else has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from contentflow.config import ROOT, load
from contentflow.first_settings import init_command

GIVEN = (
    "--url",
    "https://share.example.org",
    "--from",
    "a@example.org",
    "--smtp-url",
    "smtp://mail.example.org",
)


def init(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(init_command, ["--file", str(path), *arguments])


def test_init_writes_an_env_that_starts_with_fresh_keys_for_its_user_alone(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert [init(path, *GIVEN).exit_code for path in (one, two)] == [0, 0]

    first, second = dotenv_values(one), dotenv_values(two)

    assert load({k: v or "" for k, v in first.items()}).public_base_url == "https://share.example.org"
    assert len(first["SECRET_KEY"] or "") >= 48 and first["SECRET_KEY"] != second["SECRET_KEY"]
    assert len(first["BACKUP_PASSPHRASE"] or "") >= 24
    assert one.stat().st_mode & 0o077 == 0


def test_init_changes_no_file_that_is_there(tmp_path: Path):
    (tmp_path / ".env").write_text("SECRET_KEY=mine\n")

    assert init(tmp_path / ".env", *GIVEN).exit_code == 1
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=mine\n"


@pytest.mark.parametrize("bad", [(), ("--set", "PORT=many"), ("--set", "port")])
def test_init_writes_nothing_that_would_not_start(tmp_path: Path, bad: tuple[str, ...]):
    done = init(tmp_path / ".env", *(GIVEN if bad else ()), *bad)

    assert done.exit_code != 0
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("value", ["#ia #tools", 'it\'s "quoted"', "back\\slash", "a $HOME"])
def test_what_is_given_is_what_is_read(tmp_path: Path, value: str):
    assert init(tmp_path / ".env", *GIVEN, "--set", f"PROGRAMME_NAME={value}").exit_code == 0
    assert dotenv_values(tmp_path / ".env")["PROGRAMME_NAME"] == value


def test_without_mail_init_asks_for_no_mail_service(tmp_path: Path):
    assert init(tmp_path / ".env", "--url", "https://share.example.org", "--no-mail").exit_code == 0
    assert dotenv_values(tmp_path / ".env")["MAIL_TRANSPORT"] == "none"


def test_the_line_of_the_readme_is_taken_as_it_stands(tmp_path: Path):
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    block = next(text for text in blocks if "contentflow init" in text)
    values = dict(re.findall(r'^([A-Z]+)="?(\S+?)"?(?:\s|$)', block, re.MULTILINE))
    line = next(line for line in block.replace("\\\n", " ").splitlines() if "contentflow init" in line)
    for name, value in values.items():
        line = line.replace(f"${name}", value)

    assert init(tmp_path / ".env", *shlex.split(line)[2:]).exit_code == 0


def test_every_file_that_the_readme_copies_is_there():
    readme = (ROOT / "README.md").read_text()

    named = set(re.findall(r"\bdeploy/[\w.-]+", readme)) - {"deploy/"}
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert {"Caddyfile", "Dockerfile", "compose.yaml", "contentflow.service"} <= {
        path.name for path in (ROOT / "deploy").iterdir()
    }
