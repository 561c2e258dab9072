"""Robots by the lists of others, people by the browsers of others: who is taken for whom, in figures.

crawler-user-agents brings its own agents; device_detector brings Matomo's, of robots and of devices;
fake-useragent those of browsers that people really used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any

import crawleruseragents
import pytest
import yaml_rs

from contentflow.links.agents import kind_of

MAX_PER_MILLE = 5

# What stands in such lists and is people, by a mark of theirs, and why.
PEOPLE_IN_LISTS = {
    "MetaIAB": "Facebook's and Instagram's own browser: whoever taps a link in the app",
    " Code/": "the browser inside an editor, in which somebody reads a page",
    " Trae/": "another editor's",
    " Fluid/": "a browser for one site, says the list itself",
}
PERPLEXITY = (
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; "
    "+https://perplexity.ai/perplexity-user)"
)
GEMINI = (
    "Mozilla/5.0 (compatible; Gemini-Deep-Research; +https://gemini.google/overview/deep-research/) "
    "Chrome/135.0.0.0 Safari/537.36"
)
ROBOTS = [
    PERPLEXITY,
    GEMINI,
    "ViberUrlDownloader",
    "Valve/Steam HTTP Client 1.0 (SteamChatURLLookup)",
    "Google-Safety",
    "Yahoo:LinkExpander:Slingstone",
    "Mozilla/5.0 (compatible; Example3/1.0; +https://www.example3.com/bot-free-name)",
    "Mozilla/5.0 (compatible; Nobody Knows Me/3)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko; Any) Chrome/140.0 Safari/537.36",
    "meta-externalagent",
    "meta-externalfetcher/1.1",
    "Mozilla/5.0",
    "Firefox",
    "Some Fetcher 3.1",
    # Monitors, out of isbot's own fixtures.
    "mozilla/5.0 (windows nt 6.1; wow64; rv:101.0) gecko/20100101 firefox/101.0 site24x7",
    "Mozilla/5.0 (Linux; U; Android 4.0.2; en-us; Catchpoint) AppleWebKit/534.30 (KHTML, like Gecko) "
    "Version/4.0 Mobile Safari/534.30",
    "newsbeuter/2.4 (Linux 3.2.0-23-generic; i686; http://www.newsbeuter.org/) libcurl/7.22.0",
    "Microsoft Office Word 2013 (15.0.4823) Windows NT 10.0",
]
ANDROID = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.6261.119 Mobile Safari/537.36"
WINDOW = "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.142 Mobile Safari/537.36"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
PEOPLE = [
    f"Mozilla/5.0 (Linux; Android 5.1.1; OPPO A33m) {ANDROID}",
    f"Mozilla/5.0 (Linux; Android 11; AUPO Zeus 10 Pro) {ANDROID}",
    f"Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) {ANDROID}",
    f"Mozilla/5.0 (Linux; Android 7.0; ID bot 53+ Build/NRD90M) {ANDROID}",
    f"Mozilla/5.0 (Linux; Android 13; Spider Crawler Google http) {ANDROID}",
    f"Mozilla/5.0 (Linux; Android 10; Archos Scan (2019) Server) {ANDROID}",
    f"Mozilla/5.0 (Linux; Android 15; CPH2557; wv) {WINDOW} Instagram 406.0.0.58 Android (35; Google)",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A; wv) {WINDOW} [FB_IAB/FB4A;FBMF/Google;FBCR/bot;]",
    f"Mozilla/5.0 (Linux; Android 16; Pixel 10 Pro XL Build/CP1A; wv) {WINDOW} MetaIAB Facebook",
    f"Mozilla/5.0 (Linux; Android 16; SM-F966N; wv) {WINDOW} Viber/27.4.0.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {WEBKIT} [FBAN/FBIOS;FBDV/iPhone15,2;FBCR/bot]",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.115.0 "
    "Chrome/142.0.7444.265 Electron/39.8.5 Safari/537.36",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
    "Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5.4 (like Gecko)",
    "SonyEricssonU10/R1x Browser/NetFront/3.5 Profile/MIDP-2.1 Configuration/CLDC-1.1 JavaPlatform/JP-8.5",
    "Opera/9.80 (Android; Opera Mini/7.5.33361/31.1543; U; fr) Presto/2.8.119 Version/11.10",
]


@pytest.mark.parametrize("agent", ROBOTS)
def test_who_fetches_for_a_program_is_no_person(agent: str) -> None:
    assert kind_of(agent) in {"bot", "preview"}


@pytest.mark.parametrize("agent", PEOPLE)
def test_a_phones_name_an_app_and_an_editor_make_no_robot(agent: str) -> None:
    assert kind_of(agent) in {"mobile", "desktop", "unknown"}


def is_person(agent: str) -> bool:
    return kind_of(agent) not in {"bot", "preview"}


def are_people(agent: str) -> bool:
    return any(mark in agent for mark in PEOPLE_IN_LISTS)


def listed_by_crawler_user_agents() -> list[str]:
    entries = crawleruseragents.CRAWLER_USER_AGENTS_DATA
    return [agent for entry in entries for agent in entry["instances"]]


@cache
def matomo(name: str) -> list[dict[str, Any]]:
    text = (files("device_detector") / "tests/fixtures/upstream" / name).read_text()
    return list(yaml_rs.loads(text))


def listed_by_matomo() -> list[str]:
    return list(dict.fromkeys(entry["user_agent"] for entry in matomo("bots.yml")))


@pytest.mark.parametrize(
    ("listed", "least"), [(listed_by_crawler_user_agents, 2_000), (listed_by_matomo, 1_300)]
)
def test_of_the_listed_robots_at_most_five_in_a_thousand_count_as_people(listed: Any, least: int) -> None:
    robots = [agent for agent in listed() if not are_people(agent)]

    taken_for_people = [agent for agent in robots if is_person(agent)]

    assert len(robots) >= least
    assert len(taken_for_people) * 1_000 <= len(robots) * MAX_PER_MILLE, taken_for_people


def test_what_stands_in_the_lists_and_is_people_counts_as_people() -> None:
    people = [
        agent for agent in chain(listed_by_crawler_user_agents(), listed_by_matomo()) if are_people(agent)
    ]

    assert people
    assert [agent for agent in people if not is_person(agent)] == []


def browsers_of_matomo() -> Iterator[str]:
    """Yield every agent of Matomo's fixtures that its own rules call a browser's."""
    for file in sorted(
        (files("device_detector") / "tests/fixtures/upstream").iterdir(), key=lambda file: file.name
    ):
        if file.name.endswith(".yml") and file.name != "bots.yml":
            for entry in matomo(file.name):
                client = entry.get("client") or {}
                if isinstance(client, dict) and client.get("type") == "browser":
                    yield entry["user_agent"]


def browsers_of_fake_useragent() -> list[str]:
    lines = (files("fake_useragent") / "data/browsers.jsonl").read_text().splitlines()
    return [json.loads(line)["useragent"] for line in lines]


def test_nobody_of_fake_useragents_people_is_taken_for_a_robot() -> None:
    people = set(browsers_of_fake_useragent())

    assert len(people) > 500
    assert [agent for agent in people if not is_person(agent)] == []


def test_nobody_of_five_thousand_of_matomos_browsers_is_taken_for_a_robot() -> None:
    some = sorted(set(browsers_of_matomo()) - {""})[::6]

    assert len(some) >= 5_000
    assert [agent for agent in some if not is_person(agent)] == []


@pytest.mark.proof
def test_nobody_of_all_of_matomos_browsers_is_taken_for_a_robot() -> None:
    people = set(browsers_of_matomo()) - {""}

    assert len(people) > 30_000
    assert [agent for agent in people if not is_person(agent)] == []
