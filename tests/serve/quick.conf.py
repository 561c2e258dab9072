"""The shipped configuration, with clocks that run faster, for the tests."""

from contentflow import gate, pace
from contentflow.config import ROOT

exec((ROOT / "gunicorn.conf.py").read_text().replace("__file__", repr(str(ROOT / "gunicorn.conf.py"))))
gate.READ_SECONDS = 1.5
gate.LINGER_SECONDS = 1.0
pace.GRACE_SECONDS = 1.5
gate.Worker.most_of_an_address = 0
loglevel = "info"
