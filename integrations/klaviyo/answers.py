"""Klaviyo's answers sorted, once, into what the sync can do about them (contract, section 3.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.klaviyo.http import Answer, NoAnswer

RETRY_AFTER_MAX_S = 900  # nobody is made to wait longer by one answer


class Trouble(Exception):
    """An answer that isn't the one hoped for. Each kind asks for something else to be done."""


class Unknown(Trouble):
    """Time-out, reset, 5xx, a page instead of JSON: it may have been carried out. Try again."""


class NotSent(Trouble):
    """It never left, or an edge refused it unread: try again, nothing to confirm."""


class Throttled(Trouble):
    """Klaviyo, or our own budget, says wait; seconds where known."""

    def __init__(self, wait_s: float | None = None) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Unauthorized(Trouble):
    """The access token is not accepted."""


class Forbidden(Trouble):
    """A scope or a plan is missing: trying again changes nothing."""


class NotFound(Trouble):
    """The id is not known (any more)."""


@dataclass
class Conflict(Trouble):
    """An identifier belongs to another profile, named where Klaviyo names it."""

    profile_id: str | None


@dataclass
class Rejected(Trouble):
    """Klaviyo found the request wrong; `fields` are the attributes it named."""

    fields: Sequence[str]


def read(answer: Answer) -> Any:
    """The document of a good answer; raises the `Trouble` that fits any other."""
    if 200 <= answer.status < 300:
        return _document(answer)
    if answer.status >= 500:
        raise Unknown(answer.status)
    if answer.status == 403 and _is_challenge(answer):
        raise NotSent("edge challenge")
    raise _refusal(answer)


def _document(answer: Answer) -> Any:
    try:
        return answer.json()
    except NoAnswer as error:
        raise Unknown("not JSON") from error


def _refusal(answer: Answer) -> Trouble:
    match answer.status:
        case 401:
            return Unauthorized()
        case 403:
            return Forbidden()
        case 404:
            return NotFound()
        case 409:
            return Conflict(_duplicate(answer))
        case 429:
            return Throttled(retry_after_s(answer.headers))
        case 400 | 422:
            return Rejected(_pointed_at(answer))
        case status if status < 400:
            return Unknown(f"redirect {status}")  # never followed
        case status:
            return Rejected([f"http {status}"])


def _is_challenge(answer: Answer) -> bool:
    is_html = answer.headers.get("Content-Type", "").startswith("text/html")
    return is_html or "cf-mitigated" in answer.headers


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, at most 15 minutes; None where absent or not a whole number."""
    text = headers.get("Retry-After", "").strip()
    return float(min(int(text), RETRY_AFTER_MAX_S)) if text.isascii() and text.isdigit() else None


def _errors(answer: Answer) -> list[dict[str, Any]]:
    try:
        body = answer.json()
    except NoAnswer:
        return []
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors or [] if isinstance(error, dict)]


def _duplicate(answer: Answer) -> str | None:
    metas = (error.get("meta") for error in _errors(answer))
    ids = (meta.get("duplicate_profile_id") for meta in metas if isinstance(meta, dict))
    return next((str(profile_id) for profile_id in ids if profile_id), None)


def _pointed_at(answer: Answer) -> list[str]:
    sources = (error.get("source") for error in _errors(answer))
    pointers = (source.get("pointer") for source in sources if isinstance(source, dict))
    return [str(pointer).rsplit("/", 1)[-1] for pointer in pointers if pointer]
