"""``python -m contentflow`` is the command ``contentflow``."""

from contentflow.cli import main

main()
