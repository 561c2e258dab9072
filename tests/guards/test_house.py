"""Guards of the whole house: what must hold for every route, setting, string and module."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from contentflow.config import ROOT, Settings
from contentflow.core.db import Base, db
from contentflow.settings import name_of
from contentflow.web.access import Role, access_of

PUBLIC = {
    "static",
    "health.healthz",
    "health.readyz",
    "oauth_client.metadata",
    "links.follow",
    "mailing.captured",
    "mailing.captured_html",
    "mailing.mailbox",
    "partners.request_login",
    "partners.code_page",
    "partners.login",
    "partners.login_code",
    "partners.login_link",
    "partners.logout",
    "partners.use_link",
    "sharekit.public",
    "sharekit.public_file",
    "web.home",
    "web.language",
    "web.legal",
    "web.robots",
    "web.security_txt",
}
TOKEN = {
    "metrics.read",
    "billing.freeze",
    "billing.freeze_page",
    "clip_mails.page",
    "clip_mails.switch",
    "postback.receive",
    "postback.receive_by_get",
    "consent.preferences",
    "consent.preferred",
    "postback.receive_by_token",
    "consent.subscribe",
    "consent.subscribed",
    "consent.unsubscribe",
    "consent.unsubscribed",
    "webhooks.brevo",
}
CATALOGUE = ROOT / "contentflow" / "translations" / "en" / "LC_MESSAGES" / "messages"


def rules(app: Flask, method: str) -> list[tuple[str, str]]:
    """Return (endpoint, path) of every route that takes ``method``, its variables filled."""
    found = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or set())]
    return [(rule.endpoint, re.sub(r"<[^>]+>", "x", rule.rule)) for rule in found]


def role_of(endpoint: str) -> Role | None:
    access = access_of(endpoint)
    return access.role if access else None


def test_every_route_names_its_role_and_only_partners_have_more_than_the_short_lists(app: Flask):
    roles = {rule.endpoint: role_of(rule.endpoint) for rule in app.url_map.iter_rules()}

    console = {name for name in roles if name.startswith("console.")}
    for listed, role in ((PUBLIC, Role.PUBLIC), (TOKEN, Role.TOKEN), (console, Role.OPERATOR)):
        assert {name for name, admitted in roles.items() if admitted is role} <= listed
    assert {name for name, admitted in roles.items() if admitted is None} == set()


def test_no_stranger_passes_a_guarded_route(app: Flask, client: FlaskClient):
    for method in ("GET", "POST"):
        for endpoint, path in rules(app, method):
            if role_of(endpoint) is Role.PARTNER:
                response = client.open(path, method=method)
                assert (endpoint, response.status_code) == (endpoint, 303)
                assert response.headers["Location"].startswith("/partner/login?next=")


def test_every_post_refuses_without_its_token(app: Flask, alice_client: FlaskClient):
    for endpoint, path in rules(app, "POST"):
        if role_of(endpoint) not in (Role.TOKEN, Role.OPERATOR):
            assert (endpoint, alice_client.post(path).status_code) == (endpoint, 400)


def test_models_and_migrations_agree(app: Flask):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)

    assert differences == []


def test_the_environment_example_names_every_setting_and_no_other():
    listed = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert listed == {name_of(item) for item in fields(Settings)}


def test_the_readme_explains_every_setting():
    readme = (ROOT / "README.md").read_text()

    assert [name_of(item) for item in fields(Settings) if f"`{name_of(item)}`" not in readme] == []


def test_readme_and_example_say_of_each_setting_what_the_code_says():
    """With its default; the example begins its sentence with a capital."""
    readme, example = (ROOT / "README.md").read_text(), (ROOT / ".env.example").read_text()
    settings = {name_of(item): item.metadata for item in fields(Settings)}
    del settings["NETWORK_NAME_ALLOW_GET"]  # One setting for each network, so it is told in other words.

    rows = [
        f"| `{name}` | `{told['default']}` | {told['meaning']} |".replace("``", "–")
        for name, told in settings.items()
    ]
    lines = [
        f"# {told['meaning'][0].upper()}{told['meaning'][1:]}.\n#{name}=" for name, told in settings.items()
    ]

    assert [row for row in rows if row not in readme] == []
    assert [line for line in lines if line not in example] == []


def test_what_the_doctor_finds_is_said_in_both_languages():
    """No check of ours answers with words that ``says`` has not seen."""
    answers = {
        answer
        for path in modules()
        for check in ast.walk(ast.parse(path.read_text()))
        if isinstance(check, ast.FunctionDef) and check.name.startswith("check_")
        for answer in ast.walk(check)
        if isinstance(answer, ast.Return)
    }
    bare = [
        ast.unparse(answer)
        for answer in answers
        for part in ast.walk(answer)
        if isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and " " in str(part.value) and "says(" not in ast.unparse(answer))
    ]

    assert bare == []


def written_strings() -> set[str]:
    method_map = [
        ("contentflow/**.py", "python"),
        ("templates/**.html", "jinja2"),
        ("templates/**.txt", "jinja2"),
    ]
    keywords = {
        "_": None,
        "_l": None,
        "_n": (1, 2),
        "gettext": None,
        "ngettext": (1, 2),
        "lazy_gettext": None,
        "says": None,
    }
    found = extract_from_dir(str(ROOT), method_map, keywords=keywords, directory_filter=_is_ours)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def _is_ours(folder: str) -> bool:
    return not any(
        part.startswith(".") or part in {"node_modules", "tests"} for part in Path(folder).parts[-1:]
    )


def test_every_string_has_its_english():
    with CATALOGUE.with_suffix(".po").open("rb") as file:
        english = {
            (message.id if isinstance(message.id, str) else message.id[0]): message
            for message in read_po(file)
            if message.string and not message.fuzzy and message.id
        }

    assert sorted(written_strings() - set(english)) == []
    assert [text for text, message in english.items() if message.python_format and message.check()] == []
    assert [
        text
        for text, message in english.items()
        if len(text) > 1
        and len(min(message.string, key=len) if isinstance(message.string, tuple | list) else message.string)
        < 2
    ] == []


def texts(*sides: str) -> list[str]:
    """Return every text of the catalogue: ``id`` is the French one, ``string`` its English."""
    with CATALOGUE.with_suffix(".po").open("rb") as file:
        found = [getattr(message, side) for message in read_po(file) for side in sides]
    return [one for text in found for one in (text if isinstance(text, tuple | list) else [text])]


def test_french_has_typographic_apostrophes():
    assert [text for text in texts("id") if re.search(r"[a-zà-ÿ]'[a-zà-ÿ%«]", text, re.IGNORECASE)] == []


def test_an_e_mail_is_spelt_in_one_way():
    flat = texts("id", "string")

    assert [text for text in flat if re.search(r"(?<!%\()\bemails?\b", text, re.IGNORECASE)] == []


def told(messages) -> dict[str, tuple[str, ...]]:
    """Map each text, for plurals the singular one, to its English."""
    found = {}
    for message in messages:
        key, string = message.id, message.string
        if key and string:
            key = key if isinstance(key, str) else key[0]
            found[key] = (string,) if isinstance(string, str) else tuple(string)
    return {text: strings for text, strings in found.items() if any(strings)}


def test_the_compiled_catalogue_is_the_written_one():
    with CATALOGUE.with_suffix(".po").open("rb") as file:
        written = told(read_po(file))
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = told(read_mo(file))

    assert written == compiled


def modules() -> list[Path]:
    return sorted((ROOT / "contentflow").rglob("*.py"))


def test_modules_stay_under_300_lines():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}

    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_functions_stay_under_40_lines():
    long = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno > 40:
                long.append(f"{path.name}:{node.name}")

    assert long == []


def test_templates_hold_nothing_inline_and_trust_nothing():
    mails = {"partner_mail.html", "recipient_mail.html", "login.html"}
    found = []
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        if path.name in mails:
            continue
        if re.search(r"\|\s*safe\b|\sstyle=|\son[a-z]+=|hx-on|<style|javascript:", text):
            found.append(path.name)
        if re.search(r"<script(?![^>]*\ssrc=)", text):
            found.append(path.name)

    assert found == []


def test_own_javascript_stays_small():
    lines = sum(len(path.read_text().splitlines()) for path in (ROOT / "static" / "js").glob("*.js"))

    assert lines <= 294


def test_the_most_that_is_allowed_is_called_max():
    words = [
        match for path in modules() for match in re.findall(r"\b(?:MOST|LONGEST)_[A-Z]+", path.read_text())
    ]

    assert words == []


def test_one_class_has_one_name():
    names = Counter(
        node.name
        for path in modules()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "handler"])
def test_no_module_is_named_for_want_of_a_name(word: str):
    assert [path.name for path in modules() if word in path.stem] == []


def test_vendored_files_are_the_ones_that_were_checked():
    vendor = ROOT / "static" / "vendor"
    run = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"],
        cwd=vendor,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
