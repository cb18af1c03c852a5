"""Start everything, say where it is, stop everything."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dev.demo import fresh, only_one, options, signals
from dev.demo.stack import ChildFailedError, Stack
from dev.demo.welcome import welcome
from dev.servers.errors import EmbeddedServerError

FOLDER = Path(__file__).resolve().parents[2] / ".junocal" / "demo"


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(arguments)
    try:
        with only_one.only_one(FOLDER), signals.as_exception():
            if chosen.fresh:
                say("Throwing away what earlier demos left ...")
                fresh.throw_away(FOLDER)
            run()
    except signals.StopRequestedError:
        say("Stopped.")
    except only_one.AlreadyRunningError as error:
        say(f"\n{error}{' Nothing was thrown away.' if chosen.fresh else ''}")
        return 1
    except (fresh.CannotBeginAnewError, ChildFailedError, EmbeddedServerError) as error:
        say(f"\n{error}")
        return 1
    return 0


def run() -> None:
    """Never returns; raises once a process ended or somebody asked to stop."""
    with Stack(FOLDER) as stack:
        stack.open(say)
        only_one.announce(FOLDER, stack.at.web)
        say(welcome(FOLDER, stack.at, stack.secrets.password))
        stack.watch()


def say(words: str) -> None:
    with suppress(OSError):  # the terminal may have been closed
        print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
