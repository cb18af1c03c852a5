"""What may follow `manage.py demo`."""

import argparse
from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """`fresh`: begin anew. Tells how it is used, and exits, where it is asked to or must."""
    parser = argparse.ArgumentParser(
        prog="python3 manage.py demo",
        description="Open two studios, one with 250 clients, and a local Klaviyo sandbox, and say "
        "where they are. Ctrl-C stops everything; what was changed is there the next time.",
        epilog="DATABASE_URL and REDIS_URL, where set, name servers to use instead of the demo's "
        "own. The usual ports are 8000 and 8001; where somebody else is on those, the next ones.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="throw away what earlier demos left in .junocal/demo (clients, Klaviyo's profiles, "
        "emails, the password) and begin anew",
    )
    return parser.parse_args(arguments)
