"""Reading the marks of a page, as scripts from outside would."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}


class Marks(HTMLParser):
    """``tags`` as (name, attributes, ids of the elements around); ``text`` of ``#share-text``."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str], set[str]]] = []
        self.share_text = ""
        self._open: list[tuple[str, str]] = []
        self.feed(page)
        self.share_text = self.share_text.removeprefix("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given, {id for _, id in self._open if id}))
        if tag not in VOID:
            self._open.append((tag, given.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][1] == "share-text":
            self.share_text += data

    def counts(self) -> dict[str, int]:
        """What ``#share-counters`` says of each channel."""
        return {
            given["data-channel"]: int(given["data-count"])
            for _, given, around in self.tags
            if "share-counters" in around and "data-channel" in given and "data-count" in given
        }

    def attributes(self, **wanted: str) -> list[dict[str, str]]:
        names = {name.replace("_", "-"): value for name, value in wanted.items()}
        return [given for _, given, _ in self.tags if names.items() <= given.items()]

    def meta(self, name: str) -> str:
        for _, given, _ in self.tags:
            if name in (given.get("property"), given.get("name")):
                return given["content"]
        raise AssertionError(f"no meta {name}")
