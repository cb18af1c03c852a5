"""What somebody typed into a form that could not be taken: the session had ended in another tab, or
the page was from before the last sign-in. It waits in the session until the form is shown again.

Only views that say so (`studio_access(…, keeps_typed=True)`) fill their forms with it, and nothing
is saved before the person presses the button again.
"""

import time
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict

KEY = "unsaved"
KEPT_FOR_S = 15 * 60
LONGEST = 20_000  # characters: a form's, not a file's
PROTECTION = "csrfmiddlewaretoken"


def keep(request: HttpRequest) -> None:
    typed = request.POST.copy()
    typed.pop(PROTECTION, None)
    text = typed.urlencode()
    if len(text) <= LONGEST:
        request.session[KEY] = {"path": request.path, "typed": text, "at": time.time()}


def take(request: HttpRequest) -> QueryDict | None:
    """What was typed on this very page a while ago at most; it is handed out once."""
    kept = request.session.get(KEY)
    if kept is None or kept["path"] != request.path:
        return None
    del request.session[KEY]
    is_fresh = time.time() - kept["at"] < KEPT_FOR_S
    return QueryDict(kept["typed"]) if is_fresh else None


def is_from_us(request: HttpRequest) -> bool:
    """True if the browser says that the form stood on one of our pages."""
    came_from = request.headers.get("Origin") or request.headers.get("Referer", "")
    parts = urlsplit(came_from)
    return (parts.scheme, parts.netloc) == (request.scheme, request.get_host())
