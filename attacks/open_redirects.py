"""Addresses of other sites wherever a page may be asked where to go next: nobody is led away.

ATTACK_ROUTES=command ATTACK_LOGIN=https://… python attacks/open_redirects.py URL
"""

from __future__ import annotations

import re
import sys
from urllib.parse import quote, urlencode

from browser import Answer, Browser, partner
from routes import routes

AWAY = "away.example"
PLACES = (
    "https://away.example/", "//away.example", "///away.example", "////away.example/%2e%2e",
    "/\\away.example",
    "\\\\away.example", "/\\/away.example", "\\/\\/away.example", "https:away.example", "https:/away.example",
    "http:///away.example", "/\t/away.example", "/\n/away.example", "\t//away.example", " //away.example",
    "/ /away.example", "/%09/away.example", "/%2f%2faway.example", "/%5caway.example", "/.//away.example",
    "/partner/..//away.example", "/;@away.example", "//away.example@localhost", 
    
    "https://localhost@away.example/",
    "https://away.example#@localhost/", "https://away.example?localhost", "https://localhost.away.example/",
    "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "//away.example/%0d%0aX-A: b", "//%61way.example", "//away。example",
    "/\u2028/away.example", "//away.example:80/",
    "/x:away.example", "@away.example", ".away.example", "/@away.example",
)  # fmt: skip
NAMES = ("next", "url", "to", "redirect", "return_to", "continue", "back", "u", "goto", "referer")
WHERE_NEXT_IS_ASKED = ("/partner/login", "/partner/login/code", "/language", "/byop/new", "/byop/submit")
EVERY = 6  # Other routes are asked with one place of so many.
SPARED = ("/partner/logout", "/partner/erase")
LINK = re.compile(r"<[^<>]*\s(?:href|src|action|formaction)\s*=\s*[\"']?([^\"'>\s]+)", re.IGNORECASE)
HEADERS = re.compile(r"^(?:Location|Refresh|HX-Redirect|HX-Location|HX-Push-Url|Link):\s*(.*)$", re.M | re.I)


def leads_away(place: str) -> bool:
    """Whether a browser that reads ``place`` on one of our pages goes to away.example, or runs it.

    As the WHATWG's URL standard reads it: tabs and line ends are dropped, blanks at the ends too, and a
    backslash is a slash.
    """
    read = re.sub(r"[\t\r\n]", "", place).strip("".join(map(chr, range(33)))).replace("\\", "/")
    if re.match(r"(javascript|data|vbscript):", read, re.IGNORECASE):
        return True
    found = re.match(r"(?:https?:/*|/{2,})([^/?#]*)", read, re.IGNORECASE)
    return found is not None and AWAY in found[1].rpartition("@")[2]


class Places:
    def __init__(self) -> None:
        self.asked, self.fallen = 0, list[str]()

    def judge(self, what: str, answer: Answer) -> None:
        self.asked += 1
        places = HEADERS.findall(answer.head) + LINK.findall(answer.text.replace("&amp;", "&"))
        away = [place for place in places if leads_away(place)]
        if away:
            self.fallen.append(f"{what} → {away[0]!r}")


def main(url: str) -> int:
    places, mallory, stranger = Places(), partner(url), Browser(url)
    known = [route for route in routes() if route.rule not in SPARED]
    stranger.read_token("/partner/login")
    for number, place in enumerate(PLACES):
        fields = dict.fromkeys(NAMES, place)
        header = quote(place, safe="/:\\@#?;. ")
        for who in (stranger, mallory):
            for route in known:
                if who is stranger and not route.is_public:
                    continue  # Strangers meet the login there, whatever they ask.
                if number % EVERY and route.rule not in WHERE_NEXT_IS_ASKED:
                    continue
                if route.method == "POST":
                    answer = who.post(route.path(), **fields, id="x", lang="fr")
                else:
                    answer = who.get(f"{route.path()}?{urlencode(fields)}")
                places.judge(f"{route.method} {route.rule} {place!r}", answer)
            for path in ("/", "/byop/new", "/nowhere", "/partner/earnings"):
                headers = {"Referer": header, "HX-Current-URL": header, "HX-Request": "true"}
                places.judge(f"headers {path} {place!r}", who.get(path, headers))
        places.judge(f"path {place!r}", stranger.get(f"/{quote(place, safe='/:@')}"))
        places.judge(f"path {place!r}", stranger.get(f"//{AWAY}/%2e%2e"))
    print(
        f"{places.asked} questions with {len(PLACES)} addresses elsewhere: {len(places.fallen)} lead there"
        f"{''.join(f'; {one}' for one in places.fallen[:10])}"
    )
    return int(bool(places.fallen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
