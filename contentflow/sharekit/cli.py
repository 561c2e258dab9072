"""``contentflow variants …``: how second versions did, for operators, until the console comes."""

from __future__ import annotations

from typing import Any

from flask.cli import AppGroup

from contentflow.core import terminal
from contentflow.sharekit import variants
from contentflow.terminal_language import says

group = AppGroup("variants", help=says("Les deuxièmes versions des posts."))


@terminal.command(
    group, "kinds", says("Ce qu’a fait chaque sorte d’accroche, en sommes : cela ne règle aucun tirage.")
)
def kinds() -> list[dict[str, Any]]:
    return variants.by_kind()
