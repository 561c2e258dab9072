"""An asset goes new → processing → ready or failed: here a video becomes a vertical, captioned clip.

Table: ``assets``.  No pages: whoever waits for an asset is told through ``services.on_finished``.
``clip`` tells the steps, each a module from file to file; ``rendering`` and ``queue`` know the rows.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.core.work import register_chore, register_step, register_sweep
from contentflow.pipeline import services, tasks


def init_app(app: Flask) -> None:
    register_step(app, services.PREPARE, "mail", tasks.prepare)
    register_step(app, services.FETCH, "fetch", tasks.fetch)
    register_step(app, services.RENDER, "video", tasks.render)
    register_sweep(app, tasks.ring_missed)
    app.add_template_global(services.writes_captions)
    register_chore(app, tasks.tidy_media)
    registry(app).doctor.update(video=tasks.check_video, captions=tasks.check_captions, room=tasks.check_room)
