"""Bring the demo's database and static files up to date: the one step that needs Django."""

import os
from pathlib import Path

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    Path(os.environ["STATIC_ROOT"]).mkdir(exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    from dev.seed.studios import seed  # noqa: PLC0415 (needs the set-up above)

    seed(os.environ["DEMO_PASSWORD"])


if __name__ == "__main__":
    main()
