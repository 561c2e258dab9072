"""Texts that people agree to, in versions, and who accepted which.

Tables: ``legal_texts``, ``acceptances``.
Commands: ``text``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.agreements import cli, services
from contentflow.core.registry import registry


def init_app(app: Flask) -> None:
    app.cli.add_command(cli.group)
    registry(app).exports["agreements"] = services.export_acceptances
