"""What is written on the clip, as ASS: the disclosure all along, the captions word by word.

Both lie where no network puts its own buttons. Union of what TikTok, Reels and Shorts cover of
1080×1920: 288 px above, 672 below, 192 to the right, 65 to the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contentflow.pipeline.captions import Cue
from contentflow.pipeline.letters import pieces
from contentflow.pipeline.reframe import HEIGHT, WIDTH

FONTS = Path(__file__).parent / "fonts"
CAPTION_FONT = FONTS / "Inter-ExtraBold.otf"
SAFE_TOP, SAFE_BOTTOM, SAFE_LEFT, SAFE_RIGHT = 288, 672, 65, 192
SIZE, OUTLINE = 82, 6
ROOM = WIDTH - 2 * SAFE_RIGHT - 2 * OUTLINE
# To libass, -1 is no character set: each line runs the way that its first letter does.
BY_ITS_SCRIPT = -1
GOLD, WHITE = r"{\1c&H2BB7FF&}", r"{\1c&HFFFFFF&}"

_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 0
ScaledBorderAndShadow: yes
YCbCr Matrix: TV.709

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, \
MarginL, MarginR, MarginV, Encoding
{style}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def words_ass(disclosure: str, seconds: float, cues: Sequence[Cue]) -> str:
    """All that is written on the clip. The spoken word is gold while it is said, the others are white."""
    mention_style, mention = _mention(disclosure, seconds, WIDTH, HEIGHT)
    style = (
        f"Style: Captions,Inter Extra Bold,{SIZE},&H00FFFFFF,&H00FFFFFF,&H00181716,&H96000000,0,0,0,0,100,"
        f"100,-1,0,1,{OUTLINE},0,2,{SAFE_RIGHT},{SAFE_RIGHT},{SAFE_BOTTOM + 28},{BY_ITS_SCRIPT}"
    )
    lines = []
    for cue in cues:
        for index, word in enumerate(cue.words):
            end = cue.words[index + 1].start if index + 1 < len(cue.words) else cue.end
            shown = " ".join(
                f"{GOLD}{_broken(each.text)}{WHITE}" if place == index else _broken(each.text)
                for place, each in enumerate(cue.words)
            )
            if end > word.start:
                lines.append(_event("Captions", word.start, end, shown))
    styles = f"{mention_style}\n{style}"
    return _HEAD.format(width=WIDTH, height=HEIGHT, style=styles) + "\n".join([mention, *lines]) + "\n"


def _broken(word: str) -> str:
    """A word wider than the screen goes on in the next line: by itself it would leave it on both sides."""
    return r"\N".join(escaped(piece) for piece in pieces(word, CAPTION_FONT, ROOM / SIZE))


def disclosure_ass(disclosure: str, seconds: float, width: int = WIDTH, height: int = HEIGHT) -> str:
    """The mention alone on a dark ground, from the first frame to the last."""
    style, line = _mention(disclosure, seconds, width, height)
    return _HEAD.format(width=width, height=height, style=style) + line + "\n"


def _mention(disclosure: str, seconds: float, width: int, height: int) -> tuple[str, str]:
    is_clip = (width, height) == (WIDTH, HEIGHT)
    # Messengers cut a preview to its middle square: the mention stands inside.
    middle = (width - height) // 2 + 24
    size, left, top = (46, SAFE_LEFT + 20, SAFE_TOP + 24) if is_clip else (44, middle, 44)
    style = (
        f"Style: Disclosure,Inter Semi Bold,{size},&H00FFFFFF,&H00FFFFFF,&H40181716,&H40181716,0,0,0,0,100,"
        f"100,0,0,3,14,0,7,{left},{SAFE_RIGHT},{top},{BY_ITS_SCRIPT}"
    )
    return style, _event("Disclosure", 0.0, seconds, escaped(disclosure))


def escaped(text: str) -> str:
    """Nothing that somebody said or typed is a command here: braces and backslashes are replaced."""
    table: dict[str, str | int | None] = {"\\": "/", "{": "(", "}": ")", "\n": " ", "\r": " "}
    return text.translate(str.maketrans(table))


def _event(style: str, start: float, end: float, text: str) -> str:
    return f"Dialogue: 0,{_clock(start)},{_clock(end)},{style},,0,0,0,,{text}"


def _clock(seconds: float) -> str:
    hundredths = round(seconds * 100)
    hours, rest = divmod(hundredths, 360_000)
    minutes, rest = divmod(rest, 6_000)
    return f"{hours}:{minutes:02}:{rest // 100:02}.{rest % 100:02}"
