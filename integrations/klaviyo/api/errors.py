"""Klaviyo's answers sorted, once, into what the sync can do about them (contract, section 3.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.http import Answer, NoAnswerError

RETRY_AFTER_MAX_S = 900  # nobody is made to wait longer by one answer


class KlaviyoError(Exception):
    """An answer that isn't the one hoped for. Each kind asks for something else to be done."""


class OutcomeUnknownError(KlaviyoError):
    """Time-out, reset, 5xx, a page instead of JSON: it may have been carried out. Try again."""


class NotSentError(KlaviyoError):
    """It never left, or an edge refused it unread: try again, nothing to confirm."""


class ThrottledError(KlaviyoError):
    """Klaviyo, or our own rate limit, says wait; seconds where known."""

    def __init__(self, wait_s: float | None = None) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class UnauthorizedError(KlaviyoError):
    """The access token is not accepted."""


class ForbiddenError(KlaviyoError):
    """A scope or a plan is missing: trying again changes nothing."""


class FeatureForbiddenError(KlaviyoError):
    """The permission of an optional feature is missing. The base goes on without it."""


class DisconnectingError(KlaviyoError):
    """The connection has ended: nothing more is sent."""


class RetiredError(KlaviyoError):
    """Klaviyo no longer speaks this revision of its API: for the operator, no client's fault."""


class NotFoundError(KlaviyoError):
    """The id is not known (any more)."""


@dataclass
class ConflictError(KlaviyoError):
    """An identifier belongs to another profile, named where Klaviyo names it."""

    profile_id: str | None


@dataclass
class RejectedError(KlaviyoError):
    """Klaviyo found the request wrong; `fields` are the attributes it named."""

    fields: Sequence[str]


def read(answer: Answer) -> Any:
    """The document of a good answer; raises the `KlaviyoError` that fits any other."""
    if 200 <= answer.status < 300:
        return document(answer)
    if answer.status >= 500:
        raise OutcomeUnknownError(answer.status)
    if answer.status == 403 and is_challenge(answer):
        raise NotSentError("edge challenge")
    raise refusal(answer)


def document(answer: Answer) -> Any:
    try:
        return answer.json()
    except NoAnswerError as error:
        raise OutcomeUnknownError("not JSON") from error


def refusal(answer: Answer) -> KlaviyoError:
    match answer.status:
        case 401:
            return UnauthorizedError()
        case 403:
            return ForbiddenError()
        case 404:
            return NotFoundError()
        case 409:
            return ConflictError(duplicate(answer))
        case 410:
            return RetiredError()
        case 429:
            return ThrottledError(retry_after_s(answer.headers))
        case 400 | 422:
            return RejectedError(pointed_at(answer))
        case status if status < 400:
            return OutcomeUnknownError(f"redirect {status}")  # never followed
        case status:
            return RejectedError([f"http {status}"])


def is_challenge(answer: Answer) -> bool:
    is_html = answer.headers.get("Content-Type", "").startswith("text/html")
    return is_html or "cf-mitigated" in answer.headers


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, at most 15 minutes; None where absent or not a whole number."""
    text = headers.get("Retry-After", "").strip()
    return float(min(int(text), RETRY_AFTER_MAX_S)) if text.isascii() and text.isdigit() else None


def errors_of(answer: Answer) -> list[dict[str, Any]]:
    try:
        body = answer.json()
    except NoAnswerError:
        return []
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors or [] if isinstance(error, dict)]


def duplicate(answer: Answer) -> str | None:
    metas = (error.get("meta") for error in errors_of(answer))
    ids = (meta.get("duplicate_profile_id") for meta in metas if isinstance(meta, dict))
    return next((str(profile_id) for profile_id in ids if profile_id), None)


def pointed_at(answer: Answer) -> list[str]:
    sources = (error.get("source") for error in errors_of(answer))
    pointers = (source.get("pointer") for source in sources if isinstance(source, dict))
    return [str(pointer).rsplit("/", 1)[-1] for pointer in pointers if pointer]
