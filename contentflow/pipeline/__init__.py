"""An asset goes new → processing → ready or failed: here a post becomes something to share.

Table: ``assets``.  No pages yet: whoever waits for an asset is told through ``services.on_finished``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.work import register_step, register_sweep
from contentflow.pipeline import services, tasks


def init_app(app: Flask) -> None:
    register_step(app, services.PREPARE, "mail", tasks.prepare)
    register_sweep(app, tasks.ring_missed)
