"""A parent for the tests: keeps the commands given as JSON, and opens a port where one is named."""

from __future__ import annotations

import json
import sys

from contentflow import serve

commands, port, grace_seconds = json.loads(sys.argv[1])
serve.GRACE_SECONDS = grace_seconds
listener = [serve.open_port("127.0.0.1", port)] if port else []
if listener:
    commands["web"] = [*serve.web_command(listener[0].fileno(), workers=1)[:-1], "tests.serve.hello:app"]
sys.exit(serve.Supervisor(commands, [each.fileno() for each in listener]).run())
