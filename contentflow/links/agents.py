"""Whether an agent is a person's, a robot's, or fetches a card for a message; by its text alone.

Names of robots come from two lists that others keep up: crawler-user-agents (one by one, exact) and
isbot's words (broad). Both judge what is left once the free text of phones and apps is taken off: a phone
is called CUBOT, a carrier Google. Rules for the shape catch who stands in no list yet.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from is_bot import Bots

Kind = Literal["preview", "bot", "mobile", "desktop", "unknown"]

# Longer ones are no browser's, and a pattern's time may grow with the square of the length.
_LOOKED_AT: Final = 512
_REMEMBERED: Final = 2_048

# Names of what fetches a card for a message or a post. The apps themselves have other names
# ("… WhatsApp/2.24" inside a browser's agent, Slack_SSB, discord/1.0): those are people.
# Apple's and Google's messages call themselves facebookexternalhit; Signal calls itself WhatsApp/2.
_PREVIEW = re.compile(
    r"^(?:WhatsApp|Viber|Pinterest|Tumblr|Iframely|Mastodon|Pleroma|Akkoma|Misskey|Friendica|Lemmy|Signal|imessage)\b"
    r"|TelegramBot|Twitterbot|facebookexternalhit|Facebot|LinkedInBot|Discordbot|redditbot|Pinterestbot"
    r"|Slackbot|Slack-ImgProxy|SkypeUriPreview|MicrosoftPreview|Bluesky Cardyb|vkShare|line-poker"
    r"|kakaotalk-scrap|Snap URL Preview|Google-PageRenderer|Embedly|\biMessage/|Mattermost-Bot|Synapse \(bot"
    r"|matrix-media-repo|\((?:Mastodon|Pleroma|Akkoma|Misskey)/|pinterest\.com/bot|Zoom ?bot|ZaloPC-preview"
    r"|^ViberUrlDownloader|SteamChatURLLookup|LinkExpander",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"Mobi|iPhone|iPad|iPod|Android|Windows Phone|Opera Mini|BlackBerry|BB10|KAIOS", re.IGNORECASE
)
_DESK = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux", re.IGNORECASE)

# An agent of nothing but a system and browsers' own words is a person's: most visitors, in microseconds.
_SYSTEM = (
    r"Windows NT [\d.]+(?:; (?:Win64; x64|WOW64))?|Macintosh; Intel Mac OS X [\d_.]+"
    r"|X11; (?:Ubuntu; )?Linux x86_64"
    r"|X11; CrOS \w+ [\d.]+|(?:iPhone|iPad|iPod touch); (?:U; )?CPU (?:iPhone )?OS [\d_]+ like Mac OS X"
    r"|Linux; Android [\d.]+; K|Android [\d.]+; Mobile"
)
_OWN_WORDS = (
    r"AppleWebKit/[\d.]+|\(KHTML, like Gecko\)|Gecko/[\d.]+|Firefox/[\d.]+|Chrome/[\d.]+|CriOS/[\d.]+"
    r"|FxiOS/[\d.]+"
    r"|Version/[\d.]+|Mobile(?:/\w+)?|Safari/[\d.]+|Edg(?:A|iOS)?/[\d.]+|OPR/[\d.]+|SamsungBrowser/[\d.]+"
    r"|GSA/[\d.]+"
)
_PLAIN = re.compile(rf"Mozilla/5\.0 \((?:{_SYSTEM})(?:; rv:[\d.]+)?\)(?: (?:{_OWN_WORDS}))+", re.ASCII)

# What phones and apps say of themselves: a model's name, a carrier, an app's own words for its windows.
_FREE_TEXT = re.compile(
    r"(?<=Android)[ /-]?[^()]*(?:\([^()]*\)[^()]*)*(?=\))"  # to the end of the comment: version, model, build
    r"|\[FB\w+/.*|(?<=Instagram )[\d.]+ .*|\[air\.[\w.]+/[\d.]+\]"
    r"|(?<=\S)\s+(?:WhatsApp|Viber)(?:/\S*|$)|\bMetaIAB\b.*|\bSonic Slack_SSB/\S+"
    r"|\bSogou(?:MSE|MobileBrowser|Search Android)\S*|\bProcess/tools\w*|\bMMWEBSDK/\S+"
    r"|\bcom\.google\.\S+|\bGoogle ?TV\S*|\bGoogle Earth/\S+"
    r"|^\w+_U_AGENT/|\b\w+008/|\bFluid/[\d.]+(?= Safari)"
    r"|\b(?:Code|Trae)/[\d.]+(?= Chrome/)",  # editors, in which a person reads
    re.IGNORECASE,
)
_ROBOT_IN_MODEL = re.compile(
    r"https?:|compatible;|(?:bot|-Google|crawler|spider)/\d|Catchpoint", re.IGNORECASE
)
# A name and version where browsers say “compatible”, an address to read, a word in the engine's comment.
_SHAPE = re.compile(
    r"[(;]\s?compatible;\s?(?!Mozilla|Konqueror|OmniWeb|ANTGalio|iCab|IBrowse|NetPositive|NCBrowser|Gecko|OSS)"
    r"[\w.!-]+/v?\d"
    r"|Safari/[\d.]+ (?:\(compatible;|https?:)|\bMSIE (?!\d)|\+\s?(?:https?:|www\.)|\((?:https?://|www\.)"
    r"|\(KHTML, like Gecko;|-Google/\d|\(via [^)]+ proxy\)"
    # Office looks at a link before it opens the browser on it.
    r"|ms-office|^Microsoft Office\b|\bWebDAV\b",
    re.IGNORECASE,
)
# Whoever opens a page has an engine, or at least a system or a device to open it on.
_ENGINE_OR_DEVICE = re.compile(
    r"AppleWebKit|Gecko/|Trident|MSIE \d|Presto|Opera|KHTML|NetFront|MIDP|UP\.Browser|UCWEB|UCBrowser|Dalvik"
    r"|BlackBerry|BB10|Nokia|SAMSUNG|SonyEricsson|Series ?[46]0|Windows|Win(?:NT|95|98)|Macintosh|X11|CrOS"
    r"|Linux(?:;| \d)"
    r"|Android|iPhone|iPad|iPod|iOS[/ ]|watchOS|Tizen|Web0S|HbbTV|PlayStation|Nintendo|Xbox|KAIOS|\bWAP"
    r"|BREW|POLARIS|MAUI|DoCoMo|Teleca|OpenHarmony|SunOS|BSD|Konqueror|Links \(|Lynx/|w3m/"
    r"|Safari|Darwin/|OPR/|SMART-?TV|PalmOS|Palmscape|Xiino|Mosaic|Amiga|BeOS|RISC OS|Inferno|Dillo"
    r"|HotJava|amaya"
    r"|[ _.]browser\b|GalaxyClient",
    re.IGNORECASE,
)
# isbot's words that stand in agents of real phones, televisions and add-ons; a robot's name may hold them.
_TOO_BROAD: Final = (
    "(?<! channel/|google/)google(?!(?:wv|app|/google| pixel))", "(?<!lib)http",
    ";\\s\\w+;$", "\\(\\)", "\\|", "\\.com\\b", "\\b\\w+\\.ai", "^\\d+\\b", "^[<\\(;]", "^[^ ]{50,}$",
    "^[\\w \\.\\-\\(?:\\):%]+(?:/v?\\d+(?:\\.\\d+)?(?:\\.\\d{1,10})*?)?(?:,|$)", "^[\\w\\-]+/[\\w]+$",
    "^\\w+/[\\w\\(\\)]*$", "^\\w+/\\d\\.\\d\\s\\([\\w@]+\\)$", "^amaya", "^netsurf", "^snapchat", "^yahoo",
    "browsex", "capture", "catch", "chromeframe", "download", "firephp", "java(?!;)", "manager", "offbyone",
    "optimize", "proxy", "radar", "server", "sogou", "splash", "tools", "torrent", "url",
)  # fmt: skip


def kind_of(agent: str) -> Kind:
    """Return all that is kept of an agent. The newest ones stay in this process's memory, nowhere else."""
    return _kind_of(agent[:_LOOKED_AT])


@lru_cache(_REMEMBERED)
def _kind_of(head: str) -> Kind:
    head = head.strip()
    if _PREVIEW.search(head):
        return "preview"
    if not _PLAIN.fullmatch(head) and _is_robot(head):
        return "bot"
    if _PHONE.search(head):
        return "mobile"
    return "desktop" if _DESK.search(head) else "unknown"


def _is_robot(head: str) -> bool:
    import crawleruseragents  # Both lists are read when the first agent is not plainly a browser's.

    words = _FREE_TEXT.sub(lambda found: found[0] if _ROBOT_IN_MODEL.search(found[0]) else "", head)
    if crawleruseragents.is_crawler(words) or _SHAPE.search(words):
        return True
    if not _ENGINE_OR_DEVICE.search(head):
        return True
    return bool(_broad_words().is_bot(words))


@cache
def _broad_words() -> Bots:
    from is_bot import Bots

    words = Bots()
    words.exclude(_TOO_BROAD)
    return words
