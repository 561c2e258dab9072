"""``/healthz`` says that the process answers, ``/readyz`` that it can work; neither gives detail."""

from __future__ import annotations

import logging

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from contentflow.core.db import db
from contentflow.core.registry import registry
from contentflow.web.access import public

log = logging.getLogger(__name__)
bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    return Response("ok\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})


@bp.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    headers = {"Cache-Control": "no-store"}
    for name, check in registry().readiness.items():
        try:
            complaint = check()
        except SQLAlchemyError as error:
            db.session.rollback()
            complaint = type(error).__name__
        if complaint is not None:
            log.warning("not ready: %s: %s", name, complaint)
            return Response("not ready\n", 503, mimetype="text/plain", headers=headers)
    return Response("ready\n", mimetype="text/plain", headers=headers)
