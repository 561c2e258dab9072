"""Approve a run and end at the n-th step of it, as ``kill -9`` would: RUN DIGEST N."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from contentflow import create_app
from contentflow.core import durable
from contentflow.core.db import transaction
from contentflow.payouts import approval, invoice_facts
from contentflow.payouts.invoice_facts import InvoiceFacts, RenderedInvoice

run_id, digest, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
steps = 0
write = durable.write


def step(*_: Any, **__: Any) -> None:
    global steps
    steps += 1
    if steps == last:
        os.kill(os.getpid(), signal.SIGKILL)


def write_in_steps(*given: Any) -> None:
    step()
    write(*given)
    step()


def render(facts: InvoiceFacts) -> RenderedInvoice:
    return RenderedInvoice(repr(facts).encode(), b"%PDF-" + repr(facts).encode())


app = create_app()
with app.app_context():
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, name, step)
    durable.write = write_in_steps
    invoice_facts.render = render
    with transaction():
        approval.begin(run_id, digest, "anna")
    approval.finish(run_id)
print(steps)
