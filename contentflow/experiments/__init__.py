"""Two variants of a post, a second hook and cover beside the first: whose turn, and what may be said.

Tables: ``variants``, ``channel_rates``.  Its pages are the kit's: ``/byop/variants``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.experiments import services


def init_app(app: Flask) -> None:
    registry(app).sweeps.append(services.sweep_partner)
    registry(app).exports["variants"] = services.export_variants
