"""Every setting once: its name, type, default, unit and meaning; ``contentflow.config`` reads them."""

from __future__ import annotations

import re
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any

from contentflow import setting_types as types
from contentflow.platform_settings import PlatformSettings
from contentflow.programme_settings import ProgrammeSettings
from contentflow.setting_types import setting


@dataclass(frozen=True, kw_only=True)
class Settings(PlatformSettings, ProgrammeSettings):
    """The settings of one application, parsed. The attribute is the name in lower case."""

    env: str = setting(
        types.choice("production", "development"), "production", "development only through make run and demo"
    )
    secret_key: tuple[str, ...] = setting(
        types.keys, "", "signs cookies; required in production; older keys may follow, separated by commas"
    )
    public_base_url: str = setting(
        types.public_url,
        "",
        "the address people see, such as https://share.example.org; required in production",
    )
    data_dir: Path = setting(types.path, "instance", "folder that holds everything the product writes")
    media_url: str = setting(
        types.bucket_url,
        "",
        "where videos and clips lie; empty: DATA_DIR; s3://bucket/prefix: a bucket for many machines",
    )
    aws_endpoint_url_s3: str = setting(
        types.endpoint_url, "", "address of the service with the bucket; empty: Amazon's"
    )
    media_redirect_url: str = setting(
        types.public_url,
        "",
        "the bucket's service as browsers reach it: they fetch approved clips there by links of 15 minutes; "
        "empty: through us",
    )
    aws_default_region: str = setting(types.line(64), "us-east-1", "region of the bucket")
    aws_access_key_id: str = setting(
        types.line(255), "", "key of the bucket; empty: what the machine's role or AWS profile has"
    )
    aws_secret_access_key: str = setting(types.line(255), "", "secret of AWS_ACCESS_KEY_ID")
    database_url: str = setting(types.database_url, "", "empty: SQLite in DATA_DIR; or postgresql://…")
    huey_url: str = setting(
        types.huey_url, "", "the work queues; empty: SQLite in DATA_DIR; redis:// or postgresql://"
    )
    host: str = setting(types.listening_host, "127.0.0.1", "address that serve listens on")
    port: int = setting(types.integer(1, 65_535), "8000", "port that serve listens on")
    feature_byop: bool = setting(types.boolean, "true", "partners may bring their own posts")
    byop_default_revshare_bp: int = setting(
        types.share, "0.40", "the partner's share of the commission, a fraction of 1"
    )
    share_email_enabled: bool = setting(types.boolean, "true", "partners may mail their kit")
    share_email_daily_limit: int = setting(
        types.integer(0, 1_000_000), "200", "recipients a partner may mail in any 24 hours"
    )
    sharekit_default_hashtags: str = setting(
        types.line(300),
        "#ia #tools #productivité",
        "hashtags of a post that has none; quote it: # starts a comment",
    )
    variants_enabled: bool = setting(types.boolean, "true", "partners may try a second hook and cover")
    variant_explore_presses: int = setting(
        types.integer(2, 10_000), "60", "presses of a post after which the leading variant gets 95 %"
    )
    variant_idle_days: int = setting(
        types.integer(1, 365), "14", "days without a press after which the leading variant gets 95 %"
    )
    ad_disclosure: str = setting(
        types.choice("Publicité", "Collaboration commerciale"),
        "Publicité",
        "the mention of law 2023-451, art. 5-2",
    )
    partner_signup: str = setting(types.choice("closed"), "closed", "closed: the operator adds partners")
    moderation: str = setting(
        types.choice("off", "first", "all"),
        "off",
        "posts wait for the team: off, first (three of a partner) or all",
    )
    console_second_factor: bool = setting(
        types.boolean, "true", "the console asks for a second factor; false only in development"
    )
    console_undo_seconds: int = setting(
        types.integer(0, 86_400), "600", "seconds to undo an act of the console"
    )
    mail_transport: str = setting(
        types.choice("", "none"),
        "",
        "empty: Brevo or SMTP, in production one of them is needed; none: no e-mail at all, "
        "and logins by partner login-link",
    )
    brevo_api_key: str = setting(types.line(255), "", "Brevo's API key; empty: no Brevo")
    brevo_api_url: str = setting(
        types.url("http", "https"), "https://api.brevo.com/v3", "Brevo's API, /v3 included"
    )
    brevo_webhook_token: tuple[str, ...] = setting(
        types.bearer_tokens,
        "",
        "bearer token of Brevo's events; during a change the older one may follow a comma; "
        "empty: no event is taken",
    )
    brevo_doi_template_id: int | None = setting(
        types.optional_integer, "", "with BREVO_LIST_ID: Brevo asks contacts by this template; empty: we do"
    )
    brevo_list_id: int | None = setting(types.optional_integer, "", "Brevo's list of the confirmed")
    smtp_url: str = setting(
        types.url("smtp", "smtps"),
        "",
        "a mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465; used without Brevo",
    )
    email_from: str = setting(
        types.address, "", "sender's address of every mail; required with Brevo or SMTP"
    )
    email_from_name: str = setting(types.line(100), "ContentFlow", "sender's name of every mail")
    invites_per_day: int = setting(
        types.integer(0, 100_000), "100", "invitations of a partner's contacts in any 24 hours"
    )
    email_account_daily_limit: int | None = setting(
        types.optional_integer,
        "",
        "mails in any 24 hours over all partners, 20 of them kept for logins; empty: none; "
        "Brevo's free plan: 300",
    )
    bounce_limit_bp: int = setting(
        types.integer(1, 10_000),
        "500",
        "hard bounces in 10,000 mails of 30 days over which a partner, or the domain, pauses",
    )
    complaint_limit_bp: int = setting(
        types.integer(1, 10_000),
        "10",
        "complaints in 10,000 mails of 30 days over which a partner, or the domain, pauses",
    )
    breaker_minimum: int = setting(
        types.integer(1, 1_000_000), "50", "mails of 30 days under which nobody pauses"
    )
    share_email_undo_seconds: int = setting(
        types.integer(0, 3600), "30", "seconds in which a send can be taken back"
    )
    mail_timeout_seconds: int = setting(
        types.integer(1, 120), "20", "seconds that a whole exchange with the mail service may take"
    )
    mail_retry_seconds: tuple[int, ...] = setting(
        types.delays, "5,20,60,180", "seconds before each new try of a mail"
    )
    mail_pause_seconds: int = setting(
        types.integer(1, 86_400), "300", "seconds between tries while the mail service refuses the account"
    )
    lease_seconds: int = setting(
        types.integer(5, 3600), "30", "seconds after which a dead worker's row is taken again"
    )
    upload_max_mb: int = setting(types.integer(1, 10_000), "500", "megabytes of a video, sent or fetched")
    video_max_seconds: int = setting(types.integer(1, 7_200), "600", "seconds of a video that may be brought")
    video_max_side: int = setting(types.integer(128, 16_384), "4096", "pixels of a video's longer side")
    video_max_fps: int = setting(types.integer(1, 1_000), "120", "frames a second of a video")
    clip_max_seconds: int = setting(types.integer(1, 600), "60", "seconds of a finished clip")
    render_max_seconds: int = setting(
        types.integer(10, 86_400), "1800", "seconds that one step of a render may take before it is ended"
    )
    whisper_model: str = setting(
        types.line(500),
        "",
        "who writes captions: a faster-whisper model's name or folder; empty: no captions",
    )
    originals_keep_days: int = setting(
        types.integer(0, 3_650), "30", "days that the videos partners brought are kept"
    )
    trusted_proxies: int = setting(
        types.integer(0, 10), "0", "proxies in front: client IP is the n-th from the right of X-Forwarded-For"
    )
    connections_per_address: int = setting(
        types.integer(0, 100_000),
        "100",
        "open connections of one address to one web process, 0: any number; unused behind TRUSTED_PROXIES",
    )
    log_per_minute: int = setting(types.integer(1, 100_000), "120", "share presses a minute and partner")
    submit_per_minute: int = setting(types.integer(1, 100_000), "30", "posts submitted a minute and partner")
    email_per_minute: int = setting(types.integer(1, 100_000), "60", "e-mail requests a minute and partner")
    click_burst_per_minute: int = setting(
        types.integer(1, 1_000_000),
        "60",
        "clicks a minute of one IP address on one link; more are fraud",
    )
    postback_refused_per_minute: int = setting(
        types.integer(1, 1_000_000),
        "60",
        "unsigned postbacks a minute of one IP address to one network; signed ones are not limited",
    )
    network_get: frozenset[str] = setting(
        types.network_names, "", "true: the network NAME, in capitals, may report by a signed GET"
    )
    unknown_code_per_minute: int = setting(
        types.integer(1, 100_000), "60", "unknown short links a minute and IP address"
    )
    backup_passphrase: str = setting(
        types.passphrase,
        "",
        "encrypts backups; at least 8 characters; keep it elsewhere, nothing opens them without it",
    )
    backup_keep: int = setting(types.integer(1, 10_000), "14", "backups that a folder keeps; older ones go")

    log_format: str = setting(
        types.choice("text", "json"), "text", "json: each line of the log is an object, for programs"
    )
    metrics_token: str = setting(
        types.line(200), "", "bearer token that reads /metrics from afar; empty: only this machine may"
    )

    @property
    def is_https(self) -> bool:
        return self.public_base_url.startswith("https://")

    @property
    def is_loopback(self) -> bool:
        """Whether it is served to this machine's own browser, by its address (RFC 8252, 7.3)."""
        return bool(re.match(r"http://(127\.0\.0\.1|\[::1\])(:|$)", self.public_base_url))

    @property
    def sends_mail(self) -> bool:
        return self.mail_transport != "none"

    @property
    def has_mail_service(self) -> bool:
        return self.sends_mail and bool(self.brevo_api_key or self.smtp_url)

    @property
    def asks_at_brevo(self) -> bool:
        """Whether Brevo's own double opt-in asks contacts, instead of our mail."""
        return self.sends_mail and all((self.brevo_api_key, self.brevo_doi_template_id, self.brevo_list_id))

    @property
    def has_local_mailbox(self) -> bool:
        """Whether mails are kept here to look at, and reach nobody: in development alone."""
        return self.env == "development" and self.sends_mail and not self.has_mail_service

    @property
    def can_mail_kits(self) -> bool:
        return self.share_email_enabled and self.sends_mail


SECRET = {
    "secret_key", "backup_passphrase", "metrics_token", "aws_access_key_id", "aws_secret_access_key",
    "brevo_api_key", "brevo_webhook_token", "smtp_url", "database_url", "huey_url", "programme_iban",
    "youtube_client_secret", "tiktok_client_secret",
}  # fmt: skip
NAMES = {
    "byop_default_revshare_bp": "BYOP_DEFAULT_REVSHARE_PCT",
    "network_get": "NETWORK_NAME_ALLOW_GET",
}


def name_of(item: Field[Any]) -> str:
    return NAMES.get(item.name, item.name.upper())
