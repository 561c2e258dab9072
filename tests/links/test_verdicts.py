"""What a hit is, by its request alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.links.agents import kind_of
from contentflow.links.verdicts import Verdict, classify
from tests.house import working_at_most

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WEBVIEW = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36"
)
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1"

PHONES = [
    SAFARI,
    WEBVIEW,
    f"{IPHONE} Mobile/15E148 WhatsApp/24.23.78",
    f"{WEBVIEW} WhatsApp/2.24.24.79",
    f"{IPHONE} Mobile/21F79 Instagram 340.0.5.18.107 (iPhone14,5; iOS 17_5; fr_FR; scale=3.00; 1170x2532)",
    f"{WEBVIEW} Instagram 334.0.0.42.95 Android (33/13; 450dpi; 1080x2177; samsung; fr_FR; 607478211)",
    f"{WEBVIEW} Telegram-Android/11.2.3 (Google Pixel 8; Android 14; SDK 34; HIGH)",
    f"{IPHONE} Mobile/21G93 [FBAN/FBIOS;FBAV/485.1.0.45.110;FBDV/iPhone15,2;FBSN/iOS;FBSV/17.6.1;FBLC/fr_FR]",
    f"{WEBVIEW} [FB_IAB/FB4A;FBAV/480.0.0.54.88;IABMV/1;]",
    f"{WEBVIEW} [FB_IAB/Orca-Android;FBAV/470.0.0.34.107;]",
    f"{WEBVIEW} trill_350003 BytedanceWebview/d8a21c6 JsSdk/1.0 AppName/musical_ly ByteLocale/fr",
    f"{IPHONE} Mobile/21E219 musical_ly_34.5.0 JsSdk/2.0 NetType/WIFI Region/FR WKWebView/1",
    f"{IPHONE} Version/17.5 Mobile/15E148 Snapchat/12.95.0.41 (like Safari/8617.2.4.10.8, panda)",
    f"{WEBVIEW}Snapchat/12.99.0.41 (SM-A546B; Android 14#A546BXXU8BXE3#34; gzip; )",
    f"{IPHONE} Mobile/15E148 [LinkedInApp]/9.30.1280",
    f"{IPHONE} Mobile/15E148 Twitter for iPhone/10.50",
    f"{WEBVIEW} TwitterAndroid",
    f"{IPHONE} Mobile/15E148 Barcelona 340.0.0.29.109 (iPhone15,3; iOS 17_5; fr_FR)",
    f"{IPHONE} Mobile/15E148 [Pinterest/iOS]",
    f"{WEBVIEW} Viber/22.8.1.0",
    f"{IPHONE} Mobile/15E148 Safari Line/14.10.0",
    f"{WEBVIEW};KAKAOTALK 2410800",
    f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/fr",
    f"{IPHONE} GSA/325.0.650 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Mobile",
    "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S911B) SamsungBrowser/26.0 Mobile Safari/537.36",
    "Opera/9.80 (Android; Opera Mini/7.5.33361/31.1543; U; fr) Presto/2.8.119 Version/11.10",
]
DESKS = [
    f"{CHROME} Chrome/126.0.0.0 Safari/537.36",
    f"{CHROME} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    f"{CHROME} discord/1.0.9158 Chrome/124.0.6367.243 Electron/30.2.0 Safari/537.36",
    f"{CHROME} Chrome/126.0.0.0 Electron/31.0.2 Safari/537.36 AppleSilicon Slack_SSB/4.39.95",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
]
PREVIEWS = [
    "WhatsApp/2.23.20.0",
    "WhatsApp/2.24.9.78 A",
    "WhatsApp/2.2423.9 W",
    "WhatsApp/2",
    "TelegramBot (like TwitterBot)",
    "Twitterbot/1.0",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "facebookexternalhit/1.1;line-poker/1.0",
    "Facebot",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slackbot 1.0 (+https://api.slack.com/robots)",
    "Slack-ImgProxy (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
    "Pinterest/0.2 (+https://www.pinterest.com/bot.html)",
    "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
    "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)",
    "http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.social/)",
    "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.social/) Bot",
    "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
    "Viber/22.0 (Windows)",
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko; Google-PageRenderer Google "
    "(+https://developers.google.com/+/web/snippet/)) Chrome/56.0.2924.87 Safari/537.36",
    "Mozilla/5.0 (Macintosh) Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
    "iMessage/1.0",
]
BOTS = [
    "",
    "   ",
    "-",
    "\x00\x01",
    "curl/8.5.0",
    "Wget/1.21",
    "python-requests/2.32.3",
    "python-httpx/0.27",
    "Python-urllib/3.11",
    "Python/3.11 aiohttp/3.9",
    "Go-http-client/1.1",
    "okhttp/4.12.0",
    "axios/1.7.2",
    "node",
    "undici",
    "Java/17.0.1",
    "Dart/3.4 (dart:io)",
    "GuzzleHttp/7",
    "libwww-perl/6.6",
    "PostmanRuntime/7.39",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/128.0.0.0 Safari/537.36",
    f"{WEBVIEW} WhatsApp/2.24.24.79 (compatible; Googlebot/2.1)",
]


def verdict_of(agent: str) -> Verdict | None:
    return classify("GET", {}, agent, is_self=False)


@pytest.mark.parametrize("agent", PHONES)
def test_a_browser_on_a_phone_is_a_person_whatever_app_it_sits_in(agent: str) -> None:
    assert (verdict_of(agent), kind_of(agent)) == (None, "mobile")


@pytest.mark.parametrize("agent", DESKS)
def test_a_browser_on_a_desk_is_a_person(agent: str) -> None:
    assert (verdict_of(agent), kind_of(agent)) == (None, "desktop")


@pytest.mark.parametrize("agent", PREVIEWS)
def test_what_fetches_a_card_for_a_message_is_a_preview(agent: str) -> None:
    assert (verdict_of(agent), kind_of(agent)) == (Verdict.PREVIEW_BOT, "preview")


@pytest.mark.parametrize("agent", BOTS)
def test_crawlers_libraries_and_the_nameless_are_bots(agent: str) -> None:
    assert (verdict_of(agent), kind_of(agent)) == (Verdict.BOT, "bot")


def test_who_names_no_engine_and_no_device_is_a_bot_and_one_nobody_knows_is_of_unknown_kind() -> None:
    assert (verdict_of("Visitor 3"), kind_of("Visitor 3")) == (Verdict.BOT, "bot")
    assert (verdict_of("Opera/9.80 (Z) Presto/2.12"), kind_of("Opera/9.80 (Z) Presto/2.12")) == (
        None,
        "unknown",
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prefetch;anonymous-client-ip"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "Prefetch"},
        {"X-Moz": "prefetch"},
        {"sec-purpose": "prefetch"},
        {"HOST": "a.fr", "X-MOZ": "prefetch"},
    ],
)
def test_a_browser_that_fetches_ahead_is_no_click(headers: dict[str, str]) -> None:
    assert classify("GET", headers, SAFARI, is_self=False) is Verdict.PREFETCH


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Purpose": "prerender"},
        {"Purpose": ""},
        {"X-Purpose": "preview"},
        {"Referer": "https://a.fr/prefetch"},
    ],
)
def test_other_headers_are_no_prefetch(headers: dict[str, str]) -> None:
    assert classify("GET", headers, SAFARI, is_self=False) is None


def test_the_first_verdict_that_fits_counts() -> None:
    ahead = {"Purpose": "prefetch"}

    assert classify("HEAD", {}, "WhatsApp/2.23", is_self=True) is Verdict.PREFETCH
    assert classify("GET", ahead, "Googlebot/2.1", is_self=True) is Verdict.PREFETCH
    assert classify("GET", {}, "WhatsApp/2.23", is_self=True) is Verdict.PREVIEW_BOT
    assert classify("GET", {}, "curl/8.5.0", is_self=True) is Verdict.BOT
    assert classify("GET", {}, SAFARI, is_self=True) is Verdict.SELF
    assert classify("GET", {}, SAFARI, is_self=False) is None


def test_the_verdicts_are_those_of_the_contract() -> None:
    assert [*Verdict] == ["prefetch", "preview_bot", "bot", "self", "fraud", "duplicate", "valid"]


@pytest.mark.parametrize(
    "piece", ["A", "a ", "(", "Mozilla/5.0 ", "bo", "a-", "http", " WhatsApp/1", "\x00", "é"]
)
def test_a_huge_agent_is_judged_at_once(piece: str) -> None:
    agent = piece * (100_000 // len(piece))

    with working_at_most(0.5):
        verdict_of(agent)
        kind_of(agent)


@given(st.text(max_size=600), st.sampled_from(["GET", "HEAD", "POST"]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_agent_gets_a_verdict_and_a_class(agent: str, method: str, is_self: bool) -> None:
    assert classify(method, {"Purpose": agent}, agent, is_self) in {None, *Verdict}
    assert kind_of(agent) in {"preview", "bot", "mobile", "desktop", "unknown"}
