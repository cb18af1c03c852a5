"""The one access check. It hands the view its studio, so that forgetting it leaves nothing to show.

Signed out: the sign-in page. A stranger to the studio: 404, since a slug tells nothing.
A member whose role is too low: 403.

The roles and their order are `models.Role`; what each means in words, `forms.ROLE_MEANINGS`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django_htmx.middleware import HtmxDetails

from studios.accounts import unsaved
from studios.models import Membership, Role, Studio, User

NOT_SAVED_YET = "You had to sign in again. What you typed is here, and it isn't saved yet."

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    user: User
    htmx: HtmxDetails


class StudioRequest(SignedInRequest):
    """A request inside a studio, by a member of it."""

    studio: Studio
    membership: Membership
    unsaved: QueryDict | None  # what was typed here before a sign-in came between


StudioView = Callable[Concatenate[StudioRequest, P], HttpResponseBase]


def studio_access(
    minimum: Role, *, keeps_typed: bool = False
) -> Callable[[StudioView[P]], Callable[..., HttpResponseBase]]:
    """Let in members of the studio in the URL (`slug`) whose role is at least `minimum`.

    No browser keeps the page: Back after signing out shows nothing. `keeps_typed`: where somebody
    has to sign in first, the view gets what they sent as `request.unsaved` afterwards.
    """

    def decorate(view: StudioView[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, slug: str, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if keeps_typed and request.method == "POST":
                    unsaved.keep(request)
                return redirect_to_login(request.get_full_path())
            member = cast(StudioRequest, request)
            member.membership = membership_in(slug, member.user, minimum)
            member.studio = member.membership.studio
            member.unsaved = unsaved.take(member) if keeps_typed else None
            if member.unsaved is not None and request.method == "GET":
                messages.warning(request, NOT_SAVED_YET)
            with timezone.override(member.studio.zone):
                return kept_by_nobody(view(member, *args, **kwargs))

        checked.minimum_role = minimum  # type: ignore[attr-defined]  # read by the guard
        checked.keeps_typed = keeps_typed  # type: ignore[attr-defined]  # read by `too_old`
        return checked

    return decorate


def kept_by_nobody(response: HttpResponseBase) -> HttpResponseBase:
    patch_cache_control(response, private=True, no_store=True)
    return response


def membership_in(slug: str, user: User, minimum: Role) -> Membership:
    """The person's membership.

    Raises `Http404` for a stranger to the studio, `PermissionDenied` for too low a role.
    """
    membership = get_object_or_404(
        Membership.objects.select_related("studio"), studio__slug=slug, user=user
    )
    if not membership.may(minimum):
        raise PermissionDenied
    return membership


SignedInView = Callable[Concatenate[SignedInRequest, P], HttpResponseBase]


def signed_in(view: SignedInView[P]) -> Callable[..., HttpResponseBase]:
    """Let in whoever is signed in: for the few pages that belong to a person, not to a studio."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return kept_by_nobody(view(cast(SignedInRequest, request), *args, **kwargs))

    return checked


@transaction.atomic
def require_owner(studio: Studio, user: User) -> None:
    """Raises `PermissionDenied` unless the person owns the studio.

    Locks the membership: nobody changes it before the caller's transaction ends.
    """
    owned = Membership.objects.for_studio(studio).filter(user=user, role=Role.OWNER)
    if not owned.select_for_update().exists():
        raise PermissionDenied
