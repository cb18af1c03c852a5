"""Klaviyo's API: one method per operation; tokens are `oauth`'s. Requests of both leave by
`integrations.http.send`. Scopes, limits and paths stand in `contract`.

Each method takes `preflight`, called right before the request leaves: it re-reads connection, lease
and consent, writes down what the request may expose, and raises `CancelledError` where the request
must not go any more.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from integrations import http
from integrations.klaviyo.api import access_tokens, errors, statistics, sunset
from integrations.klaviyo.api.access_tokens import AccessToken
from integrations.klaviyo.api.allowances import Allowances
from integrations.klaviyo.api.documents import (
    Account,
    Profile,
    Request,
    as_profile,
    is_tagged,
    item_of,
    items_of,
    read_account,
)
from integrations.klaviyo.api.errors import (
    ConflictError,
    FeatureForbiddenError,
    ForbiddenError,
    KlaviyoError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RejectedError,
    ThrottledError,
    UnauthorizedError,
)
from integrations.klaviyo.contract import FEATURE_OF, OPERATIONS, REVISION, Operation
from integrations.klaviyo.models import Connection

MEDIA_TYPE = "application/vnd.api+json"
ANSWERS = (ConflictError, ForbiddenError, NotFoundError, RejectedError)  # Klaviyo is well

SENDERS = 64  # requests of this process on their way at once

# They speak HTTP and nothing else: what a turn knows and writes stays in its own thread.
senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")

Preflight = Callable[[], None]


class CancelledError(KlaviyoError):
    """The request must not go any more: disconnecting, opted out, or somebody else's by now."""


class StaleTokenError(KlaviyoError):
    """The access token had grown old: nothing was carried out. Try again with a new one."""


class Sent:
    """A request on its way, and the access token that it carries."""

    def __init__(self, request: Request, token: AccessToken, answer: "Future[http.Answer]") -> None:
        self.request, self.token, self.answer = request, token, answer


class Klaviyo:
    """One connection's way to Klaviyo, within its rate limits, with its tokens."""

    def __init__(self, connection: Connection, *, backfill: bool = False) -> None:
        self.connection = connection
        self.backfill = backfill
        self.took_a_profile = False  # so its grant is accepted
        self.allowances = Allowances(connection, backfill=backfill)

    # Many at once: whoever calls does the check between `prepare` and `start`

    def prepare(self, operation: Operation) -> None:
        """Count a request that is about to leave, and have a token for it."""
        self.allowances.take(operation)
        access_tokens.access_token(self.connection)

    @property
    def is_proven(self) -> bool:
        """True if Klaviyo takes profiles for this access token."""
        token = access_tokens.held(self.connection)
        return token is not None and token.is_proven

    def put_back(self, operation: Operation) -> None:
        """It doesn't leave after all."""
        self.allowances.put_back(operation)

    def start(self, request: Request, ends_at: float) -> Sent:
        """Send it from a thread of its own; `finish` has the answer."""
        token = access_tokens.access_token(self.connection)
        answer = senders.submit(send, request, token.text, ends_at, self.connection.pk)
        return Sent(request, token, answer)

    def finish(self, sent: Sent) -> Profile:
        """The profile in its answer; raises the `KlaviyoError` that fits any other."""
        try:
            document = self._sort(sent.request.operation, sent.token, sent.answer.result)
        except UnauthorizedError as error:
            if access_tokens.reject(self.connection, sent.token):
                raise
            raise StaleTokenError from error
        return as_profile(item_of(document))

    # One after the other

    def get_account(self, preflight: Preflight) -> Account:
        return read_account(self._call(Request(Operation.GET_ACCOUNTS), preflight))

    def find_profiles(self, addresses: Sequence[str], preflight: Preflight) -> list[Profile]:
        """The profiles that hold any of these addresses, however spelt; at most 100."""
        return self._profiles("email", addresses, preflight)

    def has_profile(self, profile_id: str, preflight: Preflight) -> bool:
        return bool(self._profiles("id", [profile_id], preflight))

    def has_tag(self, profile_id: str, preflight: Preflight) -> bool:
        """True if Junocal wrote this profile, by whichever connection: it carries our tag."""
        request = Request.find_profiles("id", [profile_id], "properties")
        return any(is_tagged(item) for item in items_of(self._call(request, preflight)))

    def upsert(self, request: Request, preflight: Preflight) -> Profile:
        """The profile as it is after this request."""
        return as_profile(item_of(self._call(request, preflight)))

    def suppress(self, addresses: Iterable[str], preflight: Preflight) -> None:
        """No marketing email to these, at most 100: accepted when this returns, carried out later.

        Creates a profile for an address that Klaviyo doesn't know: hand in known ones only.
        """
        profiles = [{"type": "profile", "attributes": {"email": a}} for a in addresses]
        attributes = {"profiles": {"data": profiles}}
        kind = "profile-suppression-bulk-create-job"
        body = {"data": {"type": kind, "attributes": attributes}}
        self._call(Request(Operation.SUPPRESS, json=body), preflight)

    def _profiles(self, key: str, wanted: Sequence[str], preflight: Preflight) -> list[Profile]:
        found = self._call(Request.find_profiles(key, wanted), preflight)
        return [as_profile(item) for item in items_of(found)]

    def _call(self, request: Request, preflight: Preflight) -> Any:
        """Count, preflight, send, sort the answer. A refused access token is renewed, unless it is
        so fresh that its age can't be why.

        Raises `FeatureForbiddenError` if an optional permission isn't given: nothing leaves.
        """
        feature = FEATURE_OF.get(request.operation)
        if feature and not self.connection.allows(feature):
            raise FeatureForbiddenError(feature.key)
        self.allowances.take(request.operation)
        token = access_tokens.access_token(self.connection)
        try:
            return self._send(request, token, preflight)
        except UnauthorizedError as error:
            if access_tokens.reject(self.connection, token):
                raise
            renewed = access_tokens.access_token(self.connection)
            if renewed is token:  # no renewal may leave now: its second chance is the next turn
                raise StaleTokenError from error
            return self._send(request, renewed, preflight)

    def _send(self, request: Request, token: AccessToken, preflight: Preflight) -> Any:
        ends_at = http.new_deadline()
        preflight()
        leave = partial(send, request, token.text, ends_at, self.connection.pk)
        return self._sort(request.operation, token, leave)

    def _sort(
        self, operation: Operation, token: AccessToken, answered: Callable[[], http.Answer]
    ) -> Any:
        """What came of a request, and what is to be learnt of it for the next ones."""
        try:
            answer = answered()
            sunset.watch.look(answer)
            token.accepted |= answer.status != 401
            document = errors.read(answer)
        except ThrottledError as error:
            wait_s = self.allowances.throttled(operation, error.wait_s)
            raise ThrottledError(wait_s) from error
        except (OutcomeUnknownError, NotSentError) as error:
            self.allowances.failed(operation)
            if OPERATIONS[operation].method == "GET":
                raise NotSentError("a read has no outcome") from error
            raise
        except UnauthorizedError:
            token.is_proven = False
            raise
        except ANSWERS as error:
            self.allowances.answered(operation, answer.headers)
            if isinstance(error, ForbiddenError):
                token.is_proven = False
            if isinstance(error, ForbiddenError) and operation in FEATURE_OF:
                raise FeatureForbiddenError(FEATURE_OF[operation].key) from error
            raise
        self.allowances.answered(operation, answer.headers)
        if operation in (Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE):
            self.took_a_profile = token.is_proven = True
        return document


def send(
    request: Request,
    access_token: str,
    ends_at: float | None = None,
    connection_id: UUID | None = None,
) -> http.Answer:
    """One request to Klaviyo's API; without an answer `OutcomeUnknownError` or `NotSentError`."""
    facts = OPERATIONS[request.operation]
    headers = {
        "Authorization": f"Bearer {access_token}",
        "revision": REVISION,
        "Accept": MEDIA_TYPE,
    }
    if request.json is not None:
        headers["Content-Type"] = MEDIA_TYPE
    leave = partial(
        http.send,
        facts.method,
        settings.KLAVIYO_API_URL + facts.path.format(**request.path),
        headers=headers,
        params=request.params,
        json=request.json,
        ends_at=ends_at,
    )
    try:
        return statistics.timed(request.operation, leave, connection_id)
    except http.NoAnswerError as error:
        raise (OutcomeUnknownError if error.sent else NotSentError)(str(error)) from error
