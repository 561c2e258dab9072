"""What the programme does in a day and in a month, summed up by offer, partner, channel and variant.

Tables: ``figure_sums``, ``figure_changes``.

Triggers note the hour of each row that is counted, changes or goes. The worker counts such a day anew from
its rows, so sums are what a count would say; until it did, and for today, they are counted when asked for.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.maintenance import register_sweep
from contentflow.figures import services


def init_app(app: Flask) -> None:
    register_sweep(app, "figures.sum_up", services.sum_up)
