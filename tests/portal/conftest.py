"""The portal composes the earnings: their network, clicks and reports serve here too."""

from __future__ import annotations

from tests.earnings.conftest import click, network, report

__all__ = ["click", "network", "report"]
