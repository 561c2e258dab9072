"""Templates reckon nothing; every class of the styles is worn, and every class that is worn has its style."""

from __future__ import annotations

import re

from flask import Flask
from jinja2 import nodes

from contentflow.config import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Drawn in units of what is counted: where a part of a bar begins is the sum of those before it.
DRAWN = {"ui.html": 1}
# Put together from a state or a tone: is-{{ state }}, tone-{{ tone }}, net-{{ channel }}; or by htmx.
COMPOSED = ("is-", "tone-", "net-", "htmx-")
# Worn for tests and for reading: the plain one of several kinds, which looks as all do.
UNSTYLED = {"btn-plain", "when-later"}
# What one screen shows, and a review's two columns once wrapped.
MAX_LINE = 240


def reckoned(app: Flask, source: str) -> int:
    """Return how often a template reckons; words that are filled in (``'poster-%s' % rank``) are none."""
    found = app.jinja_env.parse(source).find_all(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod)
    )
    return sum(1 for one in found if not (isinstance(one, nodes.Mod) and isinstance(one.left, nodes.Const)))


def styled() -> set[str]:
    sheets = "".join(path.read_text() for path in (ROOT / "static" / "css").glob("*.css"))
    bare = re.sub(r"/\*.*?\*/|url\([^)]*\)|\"[^\"]*\"", "", sheets, flags=re.DOTALL)
    return set(re.findall(r"\.([A-Za-z_][\w-]*)", bare))


def worn(source: str) -> set[str]:
    """Return the classes of a page, but for those of mails, which bring their own styles."""
    plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", " ".join(re.findall(r'class="([^"]*)"', source)))
    return set(re.findall(r"(?<![\w-])[A-Za-z][\w-]*(?<!-)(?![\w-])", plain))


def too_long(source: str) -> list[int]:
    return [number for number, line in enumerate(source.splitlines(), 1) if len(line) > MAX_LINE]


def test_no_line_of_a_template_is_too_long():
    found = {str(path.relative_to(ROOT / "templates")): too_long(path.read_text()) for path in TEMPLATES}

    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_planted_long_line_is_named():
    assert too_long(f"<p>\n{'x' * MAX_LINE}\n{'x' * MAX_LINE}y\n") == [3]


def test_no_template_reckons(app: Flask):
    found = {str(path.relative_to(ROOT / "templates")): reckoned(app, path.read_text()) for path in TEMPLATES}

    assert {name: count for name, count in found.items() if count} == DRAWN


def test_planted_arithmetic_is_counted(app: Flask):
    planted = "{{ cents / 100 }}{% if a > b + 1 %}{{ 'x-%s' % rank }}{{ total - 1 }}{% endif %}"

    assert reckoned(app, planted) == 3


def test_no_class_of_the_styles_is_dead():
    sources = [*TEMPLATES, *(ROOT / "static" / "js").glob("*.js"), *(ROOT / "contentflow").rglob("*.py")]
    words = set(re.findall(r"[\w-]+", "".join(path.read_text() for path in sources)))

    assert {one for one in styled() - words if not one.startswith(COMPOSED)} == set()


def test_every_class_that_is_worn_has_a_style():
    pages = [path for path in TEMPLATES if not path.name.endswith("mail.html")]

    assert set().union(*(worn(path.read_text()) for path in pages)) - styled() - UNSTYLED == set()
