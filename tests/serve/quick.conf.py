"""The shipped configuration, with clocks that run faster, for the tests."""

from contentflow import min_rate, web_worker
from contentflow.config import ROOT

exec((ROOT / "gunicorn.conf.py").read_text().replace("__file__", repr(str(ROOT / "gunicorn.conf.py"))))
web_worker.READ_SECONDS = 1.5
web_worker.LINGER_SECONDS = 1.0
min_rate.GRACE_SECONDS = 1.5
web_worker.Worker.max_per_address = 0
loglevel = "info"
