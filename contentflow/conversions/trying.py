"""A call that a network would make, signed by us and good for 300 seconds: to be tried by hand."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from contentflow.config import settings
from contentflow.conversions import networks
from contentflow.conversions.models import Network
from contentflow.core import clock, signature


def signed_call(network: Network, fields: Mapping[str, Any]) -> str:
    """Return a ``curl`` command that posts these fields; it holds a signature, and no secret."""
    body, path = json.dumps(fields, separators=(",", ":")), f"/postback/{network.name}"
    moment = int(clock.now().timestamp())
    signed = signature.sign(networks.secret_of(network), moment, "POST", path, body.encode())
    words = ["curl", "-sS", "-X", "POST", settings().public_base_url + path]
    words += ["-H", "Content-Type: application/json", "-H", f"{signature.HEADER}: {signed}"]
    return shlex.join([*words, "--data-binary", body])
