"""Named points at which a test stops this very process, or freezes it. In production no hook is
installed, and passing a point does nothing.

`tests/integrations/klaviyo/worker/test_crash_points.py` dies at each of them.
"""

from collections.abc import Callable

hook: Callable[[str], None] | None = None


def reached(point: str) -> None:
    if hook is not None:
        hook(point)
