"""Every setting once: its name, type, default, unit and meaning.

Settings come from the environment or from ``.env``; a wrong value raises ``WrongSetting``,
whose text names the setting, the value and what is accepted.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from flask import current_app

ROOT = Path(__file__).resolve().parent.parent

Parser = Callable[[str], Any]


class WrongSetting(Exception):
    """A setting that stops the start; the message is one line for the operator."""

    def __init__(self, name: str, value: str, accepted: str) -> None:
        super().__init__(f"{name}={value!r} is not accepted: {accepted}")


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"true", "1", "yes", "on"}:
        return True
    if lowered in {"false", "0", "no", "off"}:
        return False
    raise ValueError("true or false")


def _integer(low: int, high: int) -> Parser:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _optional_integer(text: str) -> int | None:
    return int(_integer(1, 100_000_000)(text)) if text.strip() else None


def _share(text: str) -> int:
    """A fraction such as 0.40 becomes basis points: 4000."""
    try:
        points = Decimal(text.strip()) * 10_000
    except InvalidOperation:
        points = Decimal(-1)
    if not points.is_finite() or points != points.to_integral_value() or not 0 <= points <= 10_000:
        raise ValueError("a fraction from 0 to 1 with at most four decimals, such as 0.40")
    return int(points)


def _choice(*choices: str) -> Parser:
    def parse(text: str) -> str:
        if text.strip() not in choices:
            raise ValueError("one of: " + ", ".join(choices))
        return text.strip()

    return parse


def _line(high: int) -> Parser:
    def parse(text: str) -> str:
        if len(text) > high or any(ord(letter) < 32 for letter in text):
            raise ValueError(f"one line of at most {high} characters")
        return text.strip()

    return parse


def _delays(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts) or len(parts) > 20:
        raise ValueError("seconds separated by commas, such as 5,20,60,180")
    return tuple(int(part) for part in parts)


def _url(*schemes: str) -> Parser:
    def parse(text: str) -> str:
        text = text.strip().rstrip("/")
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if text and not usable:
            raise ValueError("a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return text

    return parse


def _public_url(text: str) -> str:
    base = str(_url("http", "https")(text))
    parts = urlsplit(base)
    if parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError("scheme and host only, such as https://share.example.org")
    return base


def _database_url(text: str) -> str:
    text = text.strip()
    if text and not re.match(r"(postgres|postgresql|postgresql\+psycopg|sqlite)://", text):
        raise ValueError("postgresql://… or sqlite:///…")
    return re.sub(r"^(postgres|postgresql)://", "postgresql+psycopg://", text)


def _huey_url(text: str) -> str:
    text = text.strip()
    if text and not re.match(r"(rediss?|postgres(ql)?)://", text):
        raise ValueError("empty for SQLite, redis://… or postgresql://…")
    return text


def _address(text: str) -> str:
    if text.strip() and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+", text.strip()):
        raise ValueError("an e-mail address")
    return text.strip()


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if any(len(key) < 16 for key in keys):
        raise ValueError("keys of at least 16 characters, the newest first, separated by commas")
    return keys


def _path(text: str) -> Path:
    return Path(text.strip()).expanduser()


def setting(parse: Parser, default: str, meaning: str) -> Any:
    return field(metadata={"parse": parse, "default": default, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one application, parsed. The attribute is the name in lower case."""

    env: str = setting(
        _choice("production", "development"), "production", "development only through make run and demo"
    )
    secret_key: tuple[str, ...] = setting(
        _keys, "", "signs cookies; required in production; older keys may follow, separated by commas"
    )
    public_base_url: str = setting(
        _public_url, "", "the address people see, such as https://share.example.org; required in production"
    )
    data_dir: Path = setting(  # noqa: RUF009 (the others are immutable to ruff, a Path is not)
        _path, "instance", "folder that holds everything the product writes"
    )
    database_url: str = setting(_database_url, "", "empty: SQLite in DATA_DIR; or postgresql://…")
    huey_url: str = setting(
        _huey_url, "", "the work bells; empty: SQLite in DATA_DIR; redis:// or postgresql://"
    )
    host: str = setting(_line(255), "127.0.0.1", "address that serve listens on")
    port: int = setting(_integer(1, 65_535), "8000", "port that serve listens on")
    feature_byop: bool = setting(_boolean, "true", "partners may bring their own posts")
    byop_default_revshare_bp: int = setting(
        _share, "0.40", "the partner's share of the commission, a fraction of 1"
    )
    share_email_enabled: bool = setting(_boolean, "true", "partners may mail their kit")
    share_email_daily_limit: int = setting(
        _integer(0, 1_000_000), "200", "recipients a partner may mail in any 24 hours"
    )
    sharekit_default_hashtags: str = setting(
        _line(300),
        "#ia #tools #productivité",
        "hashtags of a post that has none; quote it: # starts a comment",
    )
    ad_disclosure: str = setting(
        _choice("Publicité", "Collaboration commerciale"),
        "Publicité",
        "the mention of law 2023-451, art. 5-2",
    )
    partner_signup: str = setting(_choice("closed"), "closed", "closed: the operator adds partners")
    brevo_api_key: str = setting(_line(255), "", "Brevo's API key; empty: no Brevo")
    brevo_api_url: str = setting(
        _url("http", "https"), "https://api.brevo.com/v3", "Brevo's API, /v3 included"
    )
    smtp_url: str = setting(
        _url("smtp", "smtps"),
        "",
        "smtp://user:password@host:587 (STARTTLS) or smtps://…:465; used without Brevo",
    )
    email_from: str = setting(_address, "", "sender's address of every mail; required with Brevo or SMTP")
    email_from_name: str = setting(_line(100), "ContentFlow", "sender's name of every mail")
    email_account_daily_limit: int | None = setting(
        _optional_integer,
        "",
        "share mails in any 24 hours over all partners; empty: none; Brevo's free plan: 300",
    )
    share_email_undo_seconds: int = setting(
        _integer(0, 3600), "30", "seconds in which a send can be taken back"
    )
    mail_timeout_seconds: int = setting(_integer(1, 120), "20", "seconds to wait for the mail service")
    mail_retry_seconds: tuple[int, ...] = setting(
        _delays, "5,20,60,180", "seconds before each new try of a mail"
    )
    mail_pause_seconds: int = setting(
        _integer(1, 86_400), "300", "seconds between tries while the mail service refuses the account"
    )
    lease_seconds: int = setting(
        _integer(5, 3600), "30", "seconds after which a dead worker's row is taken again"
    )
    trusted_proxies: int = setting(
        _integer(0, 10), "0", "proxies in front: client IP is the n-th from the right of X-Forwarded-For"
    )
    log_per_minute: int = setting(_integer(1, 100_000), "120", "share presses a minute and partner")
    submit_per_minute: int = setting(_integer(1, 100_000), "30", "posts submitted a minute and partner")
    email_per_minute: int = setting(_integer(1, 100_000), "60", "e-mail requests a minute and partner")
    unknown_code_per_minute: int = setting(
        _integer(1, 100_000), "60", "unknown short links a minute and IP address"
    )

    @property
    def is_https(self) -> bool:
        return self.public_base_url.startswith("https://")

    @property
    def has_mail_service(self) -> bool:
        return bool(self.brevo_api_key or self.smtp_url)


NAMES = {"byop_default_revshare_bp": "BYOP_DEFAULT_REVSHARE_PCT"}


def name_of(item: Field[Any]) -> str:
    return NAMES.get(item.name, item.name.upper())


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ``, by default the environment over ``.env``.

    Raises ``WrongSetting``. In development a missing secret key is made and kept in DATA_DIR.
    """
    if environ is None:
        environ = {**{k: v or "" for k, v in dotenv_values(Path.cwd() / ".env").items()}, **os.environ}
    values = {item.name: _parse(item, environ) for item in fields(Settings)}
    if not values["data_dir"].is_absolute():
        values["data_dir"] = ROOT / values["data_dir"]
    if values["env"] == "development":
        values["public_base_url"] = values["public_base_url"] or f"http://{values['host']}:{values['port']}"
        values["secret_key"] = values["secret_key"] or (_kept_secret(values["data_dir"]),)
    values["database_url"] = values["database_url"] or f"sqlite:///{values['data_dir']}/contentflow.db"
    _require(values)
    return Settings(**values)


def _parse(item: Field[Any], environ: Mapping[str, str]) -> Any:
    assert item.default is MISSING
    text = environ.get(name_of(item), "")
    try:
        return item.metadata["parse"](text if text.strip() else item.metadata["default"])
    except ValueError as error:
        shown = "…" if item.name in {"secret_key", "brevo_api_key"} else text
        raise WrongSetting(name_of(item), shown, str(error)) from None


def _require(values: Mapping[str, Any]) -> None:
    if not values["secret_key"]:
        raise WrongSetting("SECRET_KEY", "", "production needs a random key of at least 16 characters")
    if not values["public_base_url"]:
        raise WrongSetting("PUBLIC_BASE_URL", "", "production needs the address people see, https://…")
    if (values["brevo_api_key"] or values["smtp_url"]) and not values["email_from"]:
        raise WrongSetting("EMAIL_FROM", "", "the sender's address is needed with BREVO_API_KEY or SMTP_URL")


def _kept_secret(data_dir: Path) -> str:
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
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
