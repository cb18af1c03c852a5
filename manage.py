#!/usr/bin/env python3
"""Django's command line. `demo`, `test` and whatever lacks Django go by way of `dev.bootstrap`."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    if sys.argv[1:2] in (["demo"], ["test"]) or find_spec("django") is None:
        hand_over()
        return
    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")
    execute_from_command_line(sys.argv)


def hand_over() -> None:
    if not (Path(__file__).parent / "dev").is_dir():
        sys.exit("This needs a whole checkout: production carries nothing of dev/.")
    from dev import bootstrap

    bootstrap.main(sys.argv[1:])


if __name__ == "__main__":
    main()
