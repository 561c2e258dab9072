"""Conversions become a ledger: what each partner earned, holds, may have, and why.

Tables: ``networks``, ``currency_rates``, ``conversions``, ``credits``, ``holds``, ``ledger_postings``,
``ledger_entries``, ``contracts``.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    from contentflow.earnings import models  # noqa: F401
