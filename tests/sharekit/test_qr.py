"""QR codes that can be read on any page."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

import pytest

from contentflow.sharekit.qr import qr_png, qr_svg

URL = "https://share.example.org/l/Ab3dE9x"


def test_the_svg_has_a_white_ground_and_a_quiet_zone_of_four_modules() -> None:
    root = ElementTree.fromstring(qr_svg(URL))
    ground, modules = root.iter("{http://www.w3.org/2000/svg}path")

    assert (ground.get("fill"), modules.get("stroke")) == ("#fff", "#000")
    assert (modules.get("d") or "").startswith("M4 4.5")
    assert int(root.get("width", "0")) >= 300


def test_the_svg_is_clean_under_the_page_policy() -> None:
    svg = qr_svg(URL).decode()

    assert not re.search(r"style|script|\son\w+=|href", svg)


def test_the_png_is_a_square_with_a_white_corner() -> None:
    png = qr_png(URL)
    width, height = struct.unpack(">II", png[16:24])

    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert width == height >= 300


@pytest.mark.parametrize(
    "url", [URL, "https://a.fr/l/1", "https://école.fr/l/1", "https://a.fr/" + "a" * 2000]
)
def test_the_same_link_gives_the_same_code_and_another_link_another(url: str) -> None:
    assert qr_svg(url) == qr_svg(url) != qr_svg(url + "2")
    assert qr_png(url) == qr_png(url) != qr_png(url + "2")
