"""The settings as they are given: read, judged, and kept on the application.

They come from the environment or from ``.env``; a wrong value raises ``WrongSetting``,
whose text names the setting, the value and what is accepted.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from flask import current_app
from sqlalchemy import URL

from contentflow import programme_settings
from contentflow import setting_types as types
from contentflow.settings import NAMES, SECRET, name_of
from contentflow.settings import Settings as Settings

ROOT = Path(__file__).resolve().parent.parent
MADE_KEY, RESTORED_KEYS = "secret_key", "restored_keys"  # files of DATA_DIR


class WrongSetting(Exception):
    """A setting that stops the start; the message is one line for the operator."""

    def __init__(self, name: str, value: str, accepted: str) -> None:
        super().__init__(f"{name}={value!r} is not accepted: {accepted}")


NO_MAIL_SERVICE = (
    "production needs BREVO_API_KEY or SMTP_URL, and EMAIL_FROM; "
    "or MAIL_TRANSPORT=none: no e-mail at all, and logins by “contentflow partner login-link”"
)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ``, by default the environment over ``.env``.

    Raises ``WrongSetting``. In development a missing secret key is made and kept in DATA_DIR.
    """
    if environ is None:
        environ = {
            **{k: v or "" for k, v in dotenv_values(ROOT / ".env", encoding="utf-8-sig").items()},
            **os.environ,
        }
    # The networks whose ``NETWORK_<NAME>_ALLOW_GET`` is true, in lower case, with commas.
    names = [name for name in environ if re.fullmatch(r"NETWORK_[A-Z0-9_]{1,32}_ALLOW_GET", name)]
    allowed = [name for name in names if _read(name, environ[name].strip() or "false", types.boolean)]
    environ = {
        **environ,
        NAMES["network_get"]: ",".join(
            sorted(name[len("NETWORK_") : -len("_ALLOW_GET")].lower() for name in allowed)
        ),
    }
    parsed = {item.name: _parse(item, environ) for item in fields(Settings)}
    if not parsed["data_dir"].is_absolute():
        parsed["data_dir"] = ROOT / parsed["data_dir"]
    if parsed["env"] == "development":
        # Where a browser on this machine finds us; nobody can go to “every address”.
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(parsed["host"], parsed["host"])  # nosec B104
        own_url = f"http://{types.in_url(near)}:{parsed['port']}"
        parsed["public_base_url"] = parsed["public_base_url"] or _read("HOST", own_url, types.public_url)
        parsed["secret_key"] = parsed["secret_key"] or (_kept_secret(parsed["data_dir"]),)
    # Folders may hold what means something in a URL: “%”, “?”, “#”.
    beside = URL.create("sqlite", database=str(parsed["data_dir"] / "contentflow.db"))
    parsed["database_url"] = parsed["database_url"] or beside.render_as_string(hide_password=False)
    _require(parsed)
    parsed["secret_key"] = tuple(dict.fromkeys((*parsed["secret_key"], *_restored_keys(parsed["data_dir"]))))
    return Settings(**parsed)


def _parse(item: Field[Any], environ: Mapping[str, str]) -> Any:
    assert item.default is MISSING
    text = environ.get(name_of(item), "")
    text = text if text.strip() else item.metadata["default"]
    return _read(name_of(item), text, item.metadata["parse"], "…" if item.name in SECRET else text)


def _read(name: str, text: str, parse: types.Parser, shown: str | None = None) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise WrongSetting(name, shown or text, str(error)) from None


def _require(parsed: Mapping[str, Any]) -> None:
    if not parsed["secret_key"]:
        raise WrongSetting("SECRET_KEY", "", "production needs a random key of at least 8 characters")
    if not parsed["public_base_url"]:
        raise WrongSetting("PUBLIC_BASE_URL", "", "production needs the address people see, https://…")
    if parsed["env"] == "production" and not parsed["console_second_factor"]:
        raise WrongSetting("CONSOLE_SECOND_FACTOR", "false", "true; false only with ENV=development")
    has_service = bool(parsed["brevo_api_key"] or parsed["smtp_url"])
    sends_mail = parsed["mail_transport"] != "none"
    if parsed["env"] == "production" and sends_mail and not has_service:
        raise WrongSetting("MAIL_TRANSPORT", "", NO_MAIL_SERVICE)
    if has_service and sends_mail and not parsed["email_from"]:
        raise WrongSetting("EMAIL_FROM", "", "the sender's address is needed with BREVO_API_KEY or SMTP_URL")
    if bool(parsed["aws_access_key_id"]) != bool(parsed["aws_secret_access_key"]):
        raise WrongSetting("AWS_SECRET_ACCESS_KEY", "…", "both it and AWS_ACCESS_KEY_ID, or neither")
    if parsed["media_redirect_url"] and not parsed["media_url"]:
        raise WrongSetting("MEDIA_REDIRECT_URL", parsed["media_redirect_url"], "it goes with MEDIA_URL")
    if parsed["media_url"] and find_spec("boto3") is None:
        raise WrongSetting("MEDIA_URL", parsed["media_url"], "a bucket needs boto3: the extra “s3”")
    for name, accepted in programme_settings.lacking(parsed):
        raise WrongSetting(name.upper(), "…" if name in SECRET else parsed[name], accepted)


def make_folder(data_dir: Path) -> None:
    """Make DATA_DIR, for our user alone, unless it is there; raises ``WrongSetting`` where it cannot be."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        accepted = f"a folder that can be written ({error.strerror})"
        raise WrongSetting("DATA_DIR", str(data_dir), accepted) from None


def _kept_secret(data_dir: Path) -> str:
    path = data_dir / MADE_KEY
    if not path.exists():
        make_folder(data_dir)
        # Written aside and linked: two processes that start together end with the same key.
        draft = data_dir / f"{MADE_KEY}.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def _restored_keys(data_dir: Path) -> tuple[str, ...]:
    """Return the keys that ``restore`` brought: they open what was encrypted with them."""
    try:
        return types.keys((data_dir / RESTORED_KEYS).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return ()


def settings() -> Settings:
    """Return the settings of the current application."""
    found = current_app.config["CONTENTFLOW"]
    assert isinstance(found, Settings)
    return found
