"""``python -m dbwright``."""

from dbwright.cli import main

main()
