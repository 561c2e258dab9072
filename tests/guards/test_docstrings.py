"""What docstrings, comments and docs name in backticks is there: a name that was changed changes here."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from contentflow import CAPABILITIES
from contentflow.config import ROOT
from contentflow.core.db import Base
from contentflow.web.token_paths import HIDDEN

SOURCES = sorted((ROOT / "contentflow").rglob("*.py"))
DOCS = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "README.md",
    ROOT / "README.fr.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
# Where a file that is named without its whole path may lie.
FOLDERS = ("", "contentflow", "templates", "docs", "deploy", "tests", "contentflow/offers")
# Names of others: of Brevo, Bluesky, browsers, Python, SQLAlchemy; and what is made while the product runs.
FOREIGN = {
    "invalid_parameter",
    "app.bsky.feed.post",
    "ipaddress.is_global",
    "navigator.credentials.create",
    "navigator.credentials.get",
    "inet_aton",
    "t.METHOD.path.body",
}


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def said(source: str) -> list[str]:
    """Return the docstrings and comments of a module."""
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    return [str(one.value) for one in docstrings(ast.parse(source))] + comments


def names_of(source: str) -> set[str]:
    """Return every name of a module, and every word of its texts that nobody reads as a docstring."""
    tree = ast.parse(source)
    skipped = {id(one) for one in docstrings(tree)}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.arg | ast.keyword):
            names.add(node.arg or "")
        elif isinstance(node, ast.alias):
            names.update(node.name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            names.update(re.findall(r"\w+", node.value))
    return names


def unknown(texts: list[str], names: set[str]) -> set[str]:
    """Return what stands in double backticks and looks like code (``a_b``, ``a.b``) but is no name."""
    quoted = {found.removesuffix("()") for text in texts for found in re.findall(r"``([^`\s]+)``", text)}
    code = {
        one
        for one in quoted
        if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", one) and re.search("[._]", one)
    }
    files = {path.name for path in ROOT.glob("contentflow/**/*")} | {
        path.name for path in ROOT.glob("templates/*")
    }
    return {one for one in code - FOREIGN - files if not set(one.split(".")) <= names}


def all_names() -> set[str]:
    names = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    for page in ROOT.glob("templates/**/*.html"):
        names.update([page.stem, *re.findall(r"macro (\w+)", page.read_text())])
    names.update(
        name.upper() for path in SOURCES if path.stem == "settings" for name in names_of(path.read_text())
    )
    return names.union(*(names_of(path.read_text()) for path in SOURCES))


def test_docstrings_and_comments_name_what_is_there():
    names = all_names()

    found = {str(path.relative_to(ROOT)): unknown(said(path.read_text()), names) for path in SOURCES}

    assert {name: gone for name, gone in found.items() if gone} == {}


def test_a_planted_name_that_is_gone_is_told():
    planted = '"""See ``jobs.renew_lease`` and ``old_name()``, not ``Brevo``."""\n# ``other_gone``\nold = 1\n'

    assert unknown(said(planted), {"jobs"}) == {"jobs.renew_lease", "old_name", "other_gone"}
    assert unknown(said(planted), {"jobs", "renew_lease", "old_name", "other_gone"}) == set()


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_capability_opens_with_its_tables_and_pages(app: Flask, name: str):
    opening = ast.get_docstring(ast.parse((ROOT / "contentflow" / name / "__init__.py").read_text())) or ""
    pages = {re.sub(r"<\w+>", "<>", page) for page in re.findall(r"``(/[^`]*)``", opening)}
    rules = {
        re.sub(r"<[^>]+>", "<>", re.sub(rf"/{HIDDEN}$", "/<>", rule.rule))
        for rule in app.url_map.iter_rules()
    }
    begun = {
        page for page in pages if page.endswith("…") and any(rule.startswith(page[:-1]) for rule in rules)
    }

    tables = {
        mapper.local_table.name
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"contentflow.{name}.")
    }

    assert {table for table in tables if f"``{table}``" not in opening} == set()
    assert pages - begun - rules == set()


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.name)
def test_a_doc_names_files_that_are_there(doc: Path):
    text = re.sub(r"^```.*?^```$", "", doc.read_text(), flags=re.MULTILINE | re.DOTALL)
    named = re.findall(r"`([\w./-]+\.(?:py|md|html|css|js|cfg|toml|yaml|service|timer))`", text)
    linked = re.findall(r"\]\((?!http|#|mailto)([^)#]+)", text)

    ours = [one for one in named if "NAME" not in one and not one.startswith("_")]
    assert [one for one in ours if not any((ROOT / folder / one).exists() for folder in FOLDERS)] == []
    assert [one for one in linked if not (doc.parent / one).exists()] == []
