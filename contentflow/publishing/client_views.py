"""What we are to platforms that ask for it: our client document for Bluesky. Anybody may read it."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.publishing import bluesky_client
from contentflow.web.access import public

bp = Blueprint("oauth_client", __name__, url_prefix="/oauth")


@bp.get("/client-metadata.json")
@public
def metadata() -> ResponseReturnValue:
    if not settings().is_https:
        abort(404)
    response = jsonify(bluesky_client.document())
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
