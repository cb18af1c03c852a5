"""How long to pause between tries: 1, 2, 4 … 60 seconds, give or take half; pure.

Rows of the outbox and whole operations of a provider wait by it. The half is chance, so that those
who failed together don't come back together.
"""

import random

MAX_S = 60.0
SPREAD = (0.5, 1.5)
LONGEST_S = MAX_S * SPREAD[1]


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return float(min(MAX_S, 2.0 ** min(failures - 1, 10)) * random.uniform(*SPREAD))  # noqa: S311
