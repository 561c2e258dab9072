"""The settings of publishing on partners' own accounts, a part of ``contentflow.settings``."""

from __future__ import annotations

from dataclasses import dataclass

from contentflow import setting_types as types
from contentflow.setting_types import setting


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """What publishing may do, and how each platform is reached."""

    publishing_enabled: bool = setting(
        types.boolean, "true", "partners may publish posts on accounts of their own"
    )
    publish_per_day: int = setting(
        types.integer(1, 1_000), "15", "posts that may go out on one account in any 24 hours"
    )
    publish_late_minutes: int = setting(
        types.integer(1, 10_080), "60", "minutes after its time at which a post is not sent by itself anymore"
    )
    publish_retry_seconds: tuple[int, ...] = setting(
        types.delays, "10,60,300,1800", "seconds before each new try of a publication"
    )
    publish_give_up_hours: int = setting(
        types.integer(1, 168), "24", "hours for which a publication whose fate is unclear is looked for"
    )
    publish_timeout_seconds: int = setting(
        types.integer(1, 120), "30", "seconds that a whole exchange with a platform may take, an upload more"
    )
    platform_trusted_origins: frozenset[str] = setting(
        types.origins,
        "",
        "origins of the operator's own that publishing may call though they are private, http or on another "
        "port, separated by commas",
    )
    bluesky_url: str = setting(
        types.endpoint_url, "https://bsky.social", "Bluesky's server, of whoever names none"
    )
    bluesky_appview_url: str = setting(
        types.endpoint_url,
        "https://public.api.bsky.app",
        "where names of Bluesky are looked up and its posts counted",
    )
    plc_url: str = setting(
        types.endpoint_url, "https://plc.directory", "the directory of Bluesky's identities (did:plc)"
    )
    youtube_client_id: str = setting(
        types.line(200), "", "client id of the Google project; empty: YouTube is by hand"
    )
    youtube_client_secret: str = setting(types.line(200), "", "its client secret")
    youtube_audited: bool = setting(
        types.boolean,
        "false",
        "true once Google has audited the project; until then its videos stay private for ever, so by hand",
    )
    youtube_api_url: str = setting(
        types.endpoint_url, "https://www.googleapis.com", "where videos are uploaded to"
    )
    youtube_auth_url: str = setting(
        types.endpoint_url, "https://accounts.google.com/o/oauth2/v2/auth", "where partners consent at Google"
    )
    youtube_token_url: str = setting(
        types.endpoint_url, "https://oauth2.googleapis.com/token", "where Google gives out tokens"
    )

    tiktok_client_key: str = setting(
        types.line(200), "", "client key of the TikTok app; empty: TikTok is by hand"
    )
    tiktok_client_secret: str = setting(types.line(200), "", "the app's client secret")
    tiktok_audited: bool = setting(
        types.boolean,
        "false",
        "true once TikTok has audited the app: its videos are public; before, they land in the inbox",
    )
    tiktok_api_url: str = setting(
        types.endpoint_url, "https://open.tiktokapis.com", "where videos are sent to and tokens given out"
    )
    tiktok_auth_url: str = setting(
        types.endpoint_url, "https://www.tiktok.com/v2/auth/authorize/", "where partners consent at TikTok"
    )

    @property
    def has_tiktok(self) -> bool:
        return bool(self.tiktok_client_key and self.tiktok_client_secret)

    @property
    def has_youtube(self) -> bool:
        return bool(self.youtube_client_id and self.youtube_client_secret)

    @property
    def trusted_origins(self) -> frozenset[str]:
        """What publishing may call wherever it is: the operator's own choice, no partner's."""
        return self.platform_trusted_origins | {self.bluesky_url}
