"""How gunicorn serves the product: ``gunicorn wsgi:app`` on any host, and under ``contentflow serve``."""

from __future__ import annotations

import logging
import os
import re
import resource
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # Not every host installs the package.

from contentflow.config import WrongSetting, load
from contentflow.serve import GRACE_SECONDS, die_with_parent, share_counts
from contentflow.setting_types import in_url
from contentflow.web.token_paths import without_token
from contentflow.web_worker import Worker

try:
    settings = load()
except WrongSetting as error:
    # Here and not in the workers, which gunicorn would start again and again.
    sys.exit(str(error))

bind = f"{in_url(settings.host)}:{settings.port}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
Worker.max_per_address = 0 if settings.trusted_proxies else settings.connections_per_address
worker_class = Worker
threads = 32  # Twenty of them may be busy with a video that arrives slowly: see contentflow/web_worker.py.
timeout = 30
graceful_timeout = int(GRACE_SECONDS) - 1
keepalive = 5
forwarded_allow_ips = ""  # No header is believed here: the product counts TRUSTED_PROXIES itself.
accesslog = None  # It would keep visitors' addresses.
errorlog = "-"
loglevel = "warning"  # What it says of each start would hide the line that a person needs.
control_socket_disable = True

# A thousand connections a process, and the files and databases that it has open besides.
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if soft < 4096:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096 if hard < 0 else min(4096, hard), hard))


def on_starting(server: Any) -> None:
    die_with_parent()
    share_counts(settings.data_dir)
    server.log.error_log.addFilter(without_address)


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent()  # Threads do not survive a fork.


def without_address(record: logging.LogRecord) -> bool:
    """gunicorn notes the visitor's address when a request is malformed; keep none, and no network's token."""
    if record.args:
        record.msg, record.args = record.getMessage(), ()
    record.msg = without_token(re.sub(r"\bip=\S+:", "ip=…:", str(record.msg)))
    return True
