"""An asset goes new → processing → ready or failed: here a video becomes a vertical, captioned clip.

Table: ``assets``.  No pages: whoever waits for an asset is told through ``services.on_finished``.
``clip`` tells the steps, each a module from file to file; ``rendering`` and ``queue`` know the rows.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.broker import register_task
from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.registry import Folder, Gauge, registry
from contentflow.pipeline import bucket_upkeep, cli, services, tasks
from contentflow.pipeline.models import ASSETS


def init_app(app: Flask) -> None:
    register_task(app, services.PREPARE, "mail", tasks.prepare)
    register_task(app, services.FETCH, "fetch", tasks.fetch)
    register_task(app, services.RENDER, "video", tasks.render)
    register_sweep(app, "pipeline.date_anew", ASSETS.date_anew)
    register_sweep(app, "pipeline.enqueue_due", tasks.enqueue_due)
    app.cli.add_command(cli.group)
    app.add_template_global(services.writes_captions)
    register_maintenance(app, "pipeline.tidy_media", tasks.tidy_media)
    registry(app).gauges.append(Gauge("assets", "Posts' clips by state", "state", tasks.assets_by_state))
    registry(app).backlogs.update(fetch=tasks.fetch_backlog, video=tasks.render_backlog)
    registry(app).doctor.update(video=tasks.check_video, captions=tasks.check_captions, room=tasks.check_room)
    registry(app).doctor["media"] = bucket_upkeep.check_bucket
    registry(app).checked_hourly.add("media")
    registry(app).folders += [Folder("originals"), Folder("media")]
