"""``python -m canary``: the same as ``canary``."""

from canary.cli import main

main()
