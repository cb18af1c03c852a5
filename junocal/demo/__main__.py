"""Start everything, say where it is, stop everything."""

import sys
from contextlib import suppress
from pathlib import Path

from junocal.demo import only_one, signals
from junocal.demo.house import ChildFailedError, House
from junocal.demo.welcome import welcome
from junocal.embedded.errors import EmbeddedServerError

FOLDER = Path(__file__).resolve().parents[2] / ".junocal" / "demo"


def main() -> int:
    try:
        with only_one.only_one(FOLDER), signals.as_exception(), House(FOLDER) as house:
            house.open(say)
            only_one.announce(FOLDER, house.at.web)
            say(welcome(FOLDER, house.at, house.secrets.password))
            house.watch()
    except signals.StopRequestedError:
        say("Stopped.")
    except (only_one.AlreadyRunningError, ChildFailedError, EmbeddedServerError) as error:
        say(f"\n{error}")
        return 1
    return 0


def say(words: str) -> None:
    with suppress(OSError):  # the terminal may have been closed
        print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
