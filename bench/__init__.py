"""What the product costs, measured beside what it could cost at the least: ``python -m bench``.

Everything is a ratio to a floor that is measured in the same run, in turn, so a slow or a busy machine
changes little. ``docs/performance.md`` keeps the figures.
"""
