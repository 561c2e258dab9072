"""Every setting once: its name, type, default, unit and meaning.

Settings come from the environment or from ``.env``; a wrong value raises ``WrongSetting``,
whose text names the setting, the value and what is accepted.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from flask import current_app
from sqlalchemy import URL

from contentflow import values

ROOT = Path(__file__).resolve().parent.parent


class WrongSetting(Exception):
    """A setting that stops the start; the message is one line for the operator."""

    def __init__(self, name: str, value: str, accepted: str) -> None:
        super().__init__(f"{name}={value!r} is not accepted: {accepted}")


def setting(parse: values.Parser, default: str, meaning: str) -> Any:
    return field(metadata={"parse": parse, "default": default, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one application, parsed. The attribute is the name in lower case."""

    env: str = setting(
        values.choice("production", "development"), "production", "development only through make run and demo"
    )
    secret_key: tuple[str, ...] = setting(
        values.keys, "", "signs cookies; required in production; older keys may follow, separated by commas"
    )
    public_base_url: str = setting(
        values.public_url,
        "",
        "the address people see, such as https://share.example.org; required in production",
    )
    data_dir: Path = setting(values.path, "instance", "folder that holds everything the product writes")
    database_url: str = setting(values.database_url, "", "empty: SQLite in DATA_DIR; or postgresql://…")
    huey_url: str = setting(
        values.huey_url, "", "the work bells; empty: SQLite in DATA_DIR; redis:// or postgresql://"
    )
    host: str = setting(values.listening_host, "127.0.0.1", "address that serve listens on")
    port: int = setting(values.integer(1, 65_535), "8000", "port that serve listens on")
    feature_byop: bool = setting(values.boolean, "true", "partners may bring their own posts")
    byop_default_revshare_bp: int = setting(
        values.share, "0.40", "the partner's share of the commission, a fraction of 1"
    )
    share_email_enabled: bool = setting(values.boolean, "true", "partners may mail their kit")
    share_email_daily_limit: int = setting(
        values.integer(0, 1_000_000), "200", "recipients a partner may mail in any 24 hours"
    )
    sharekit_default_hashtags: str = setting(
        values.line(300),
        "#ia #tools #productivité",
        "hashtags of a post that has none; quote it: # starts a comment",
    )
    ad_disclosure: str = setting(
        values.choice("Publicité", "Collaboration commerciale"),
        "Publicité",
        "the mention of law 2023-451, art. 5-2",
    )
    partner_signup: str = setting(values.choice("closed"), "closed", "closed: the operator adds partners")
    mail_transport: str = setting(
        values.choice("", "none"),
        "",
        "empty: Brevo or SMTP, in production one of them is needed; none: no e-mail at all, "
        "and logins by partner login-link",
    )
    brevo_api_key: str = setting(values.line(255), "", "Brevo's API key; empty: no Brevo")
    brevo_api_url: str = setting(
        values.url("http", "https"), "https://api.brevo.com/v3", "Brevo's API, /v3 included"
    )
    smtp_url: str = setting(
        values.url("smtp", "smtps"),
        "",
        "a mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465; used without Brevo",
    )
    email_from: str = setting(
        values.address, "", "sender's address of every mail; required with Brevo or SMTP"
    )
    email_from_name: str = setting(values.line(100), "ContentFlow", "sender's name of every mail")
    email_account_daily_limit: int | None = setting(
        values.optional_integer,
        "",
        "share mails in any 24 hours over all partners; empty: none; Brevo's free plan: 300",
    )
    share_email_undo_seconds: int = setting(
        values.integer(0, 3600), "30", "seconds in which a send can be taken back"
    )
    mail_timeout_seconds: int = setting(
        values.integer(1, 120), "20", "seconds that a whole exchange with the mail service may take"
    )
    mail_retry_seconds: tuple[int, ...] = setting(
        values.delays, "5,20,60,180", "seconds before each new try of a mail"
    )
    mail_pause_seconds: int = setting(
        values.integer(1, 86_400), "300", "seconds between tries while the mail service refuses the account"
    )
    lease_seconds: int = setting(
        values.integer(5, 3600), "30", "seconds after which a dead worker's row is taken again"
    )
    upload_max_mb: int = setting(values.integer(1, 10_000), "500", "megabytes of a video, sent or fetched")
    video_max_seconds: int = setting(
        values.integer(1, 7_200), "600", "seconds of a video that may be brought"
    )
    video_max_side: int = setting(values.integer(128, 16_384), "4096", "pixels of a video's longer side")
    video_max_fps: int = setting(values.integer(1, 1_000), "120", "frames a second of a video")
    clip_max_seconds: int = setting(values.integer(1, 600), "60", "seconds of a finished clip")
    render_max_seconds: int = setting(
        values.integer(10, 86_400), "1800", "seconds that one step of a render may take before it is ended"
    )
    whisper_model: str = setting(
        values.line(500),
        "",
        "who writes captions: a faster-whisper model's name or folder; empty: no captions",
    )
    originals_keep_days: int = setting(
        values.integer(0, 3_650), "30", "days that the videos partners brought are kept"
    )
    trusted_proxies: int = setting(
        values.integer(0, 10),
        "0",
        "proxies in front: client IP is the n-th from the right of X-Forwarded-For",
    )
    connections_per_address: int = setting(
        values.integer(0, 100_000),
        "100",
        "open connections of one address to one web process, 0: any number; unused behind TRUSTED_PROXIES",
    )
    log_per_minute: int = setting(values.integer(1, 100_000), "120", "share presses a minute and partner")
    submit_per_minute: int = setting(values.integer(1, 100_000), "30", "posts submitted a minute and partner")
    email_per_minute: int = setting(values.integer(1, 100_000), "60", "e-mail requests a minute and partner")
    click_burst_per_minute: int = setting(
        values.integer(1, 1_000_000),
        "60",
        "clicks a minute of one IP address on one link; more are fraud",
    )
    postback_refused_per_minute: int = setting(
        values.integer(1, 1_000_000),
        "60",
        "unsigned postbacks a minute of one IP address to one network; signed ones are not limited",
    )
    network_get: frozenset[str] = setting(
        values.network_names, "", "true: the network NAME, in capitals, may report by a signed GET"
    )
    unknown_code_per_minute: int = setting(
        values.integer(1, 100_000), "60", "unknown short links a minute and IP address"
    )

    @property
    def is_https(self) -> bool:
        return self.public_base_url.startswith("https://")

    @property
    def sends_mail(self) -> bool:
        return self.mail_transport != "none"

    @property
    def has_mail_service(self) -> bool:
        return self.sends_mail and bool(self.brevo_api_key or self.smtp_url)

    @property
    def has_local_mailbox(self) -> bool:
        """Whether mails are kept here to look at, and reach nobody: in development alone."""
        return self.env == "development" and self.sends_mail and not self.has_mail_service

    @property
    def can_mail_kits(self) -> bool:
        return self.share_email_enabled and self.sends_mail


SECRET = {"secret_key", "brevo_api_key", "smtp_url", "database_url", "huey_url"}
NO_MAIL_SERVICE = (
    "production needs BREVO_API_KEY or SMTP_URL, and EMAIL_FROM; "
    "or MAIL_TRANSPORT=none: no e-mail at all, and logins by “contentflow partner login-link”"
)
NAMES = {
    "byop_default_revshare_bp": "BYOP_DEFAULT_REVSHARE_PCT",
    "network_get": "NETWORK_NAME_ALLOW_GET",
}


def name_of(item: Field[Any]) -> str:
    return NAMES.get(item.name, item.name.upper())


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ``, by default the environment over ``.env``.

    Raises ``WrongSetting``. In development a missing secret key is made and kept in DATA_DIR.
    """
    if environ is None:
        environ = {
            **{k: v or "" for k, v in dotenv_values(ROOT / ".env", encoding="utf-8-sig").items()},
            **os.environ,
        }
    environ = {**environ, NAMES["network_get"]: _networks_with_get(environ)}
    parsed = {item.name: _parse(item, environ) for item in fields(Settings)}
    if not parsed["data_dir"].is_absolute():
        parsed["data_dir"] = ROOT / parsed["data_dir"]
    if parsed["env"] == "development":
        parsed["public_base_url"] = parsed["public_base_url"] or _own_url(parsed["host"], parsed["port"])
        parsed["secret_key"] = parsed["secret_key"] or (_kept_secret(parsed["data_dir"]),)
    parsed["database_url"] = parsed["database_url"] or _sqlite_url(parsed["data_dir"])
    _require(parsed)
    return Settings(**parsed)


def _own_url(host: str, port: int) -> str:
    """Return where a browser on this machine finds us; nobody can go to “every address”."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return values.public_url(f"http://{values.in_url(near)}:{port}")


def _sqlite_url(data_dir: Path) -> str:
    # Folders may hold what means something in a URL: “%”, “?”, “#”.
    url = URL.create("sqlite", database=str(data_dir / "contentflow.db"))
    return url.render_as_string(hide_password=False)


def _networks_with_get(environ: Mapping[str, str]) -> str:
    """Return the networks whose ``NETWORK_<NAME>_ALLOW_GET`` is true, in lower case, with commas."""
    names = [name for name in environ if re.fullmatch(r"NETWORK_[A-Z0-9_]{1,32}_ALLOW_GET", name)]
    allowed = [name for name in names if _read(name, environ[name].strip() or "false", values.boolean)]
    return ",".join(sorted(name[len("NETWORK_") : -len("_ALLOW_GET")].lower() for name in allowed))


def _parse(item: Field[Any], environ: Mapping[str, str]) -> Any:
    assert item.default is MISSING
    text = environ.get(name_of(item), "")
    text = text if text.strip() else item.metadata["default"]
    return _read(name_of(item), text, item.metadata["parse"], "…" if item.name in SECRET else text)


def _read(name: str, text: str, parse: values.Parser, shown: str | None = None) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise WrongSetting(name, shown or text, str(error)) from None


def _require(parsed: Mapping[str, Any]) -> None:
    if not parsed["secret_key"]:
        raise WrongSetting("SECRET_KEY", "", "production needs a random key of at least 8 characters")
    if not parsed["public_base_url"]:
        raise WrongSetting("PUBLIC_BASE_URL", "", "production needs the address people see, https://…")
    has_service = bool(parsed["brevo_api_key"] or parsed["smtp_url"])
    sends_mail = parsed["mail_transport"] != "none"
    if parsed["env"] == "production" and sends_mail and not has_service:
        raise WrongSetting("MAIL_TRANSPORT", "", NO_MAIL_SERVICE)
    if has_service and sends_mail and not parsed["email_from"]:
        raise WrongSetting("EMAIL_FROM", "", "the sender's address is needed with BREVO_API_KEY or SMTP_URL")


def make_folder(data_dir: Path) -> None:
    """Make DATA_DIR, for our user alone, unless it is there; raises ``WrongSetting`` where it cannot be."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        accepted = f"a folder that can be written ({error.strerror})"
        raise WrongSetting("DATA_DIR", str(data_dir), accepted) from None


def _kept_secret(data_dir: Path) -> str:
    path = data_dir / "secret_key"
    if not path.exists():
        make_folder(data_dir)
        # Written aside and linked: two processes that start together end with the same key.
        draft = data_dir / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def settings() -> Settings:
    """Return the settings of the current application."""
    found = current_app.config["CONTENTFLOW"]
    assert isinstance(found, Settings)
    return found
