"""What is promoted, and how it pays.

Tables: ``offers``.  Commands: ``offer add``.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    from contentflow.offers import cli

    app.cli.add_command(cli.group)
