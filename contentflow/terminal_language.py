"""The language of the command line: French where the terminal speaks French, else English.

It is asked of LANGUAGE, LC_ALL, LC_MESSAGES and LANG, in this order, as gettext does, and needs neither a
setting nor the application: help must answer without both. Words stand in French in the code.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

ASKED: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
FOLDER: Final = Path(__file__).parent / "translations"
_chosen: ContextVar[str] = ContextVar("language", default="")


def language(environ: Mapping[str, str] | None = None) -> str:
    """Return ``fr`` or ``en``; the first of the variables that says anything decides."""
    if environ is None and (chosen := _chosen.get()):
        return chosen
    environ = os.environ if environ is None else environ
    said = next((environ[name] for name in ASKED if environ.get(name)), "")
    return "fr" if said.partition(":")[0].lower().startswith("fr") else "en"


@contextmanager
def in_language(name: str) -> Iterator[None]:
    """Let this thread speak ``name`` (fr, en) inside, whatever the terminal speaks."""
    before = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(before)


def says(french: str) -> str:
    """Return a sentence of the command line in its language."""
    return french if language() == "fr" else _english().gettext(french)


@cache
def _english() -> gettext.NullTranslations:
    return gettext.translation("messages", FOLDER, ["en"], fallback=True)


def translate_click() -> None:
    """Let click's own words (“Usage”, “Options”) be in the language of the command line."""
    gettext.bindtextdomain("click", FOLDER)
    gettext.textdomain("click")
    os.environ["LANGUAGE"] = language()  # gettext asks it first.
