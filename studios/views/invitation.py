"""What the link of an invitation opens: accept it, sign in first, or sign up into the studio."""

from typing import Any

from allauth.account.utils import filter_users_by_email
from allauth.account.views import SignupView
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studios import invitations
from studios.access import SignedInRequest, signed_in
from studios.accounts.signup import JoinForm
from studios.models import Invitation, User


@require_GET
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    named = invitations.read(token)
    if not named:
        return spent(request)
    if not request.user.is_authenticated and not filter_users_by_email(named.email):
        return redirect("studios:join", token)
    context = {"invitation": named, "token": token}
    return render(request, f"studios/{page_for(named, request.user)}.html", context)


def page_for(named: Invitation, person: User | AnonymousUser) -> str:
    if not person.is_authenticated:
        return "invitation_sign_in"
    return "invitation" if invitations.is_for(named, person) else "invitation_not_yours"


@signed_in
@require_POST
def accept(request: SignedInRequest, token: str) -> HttpResponse:
    named = invitations.read(token)
    if not named:
        return spent(request)
    if not invitations.is_for(named, request.user):
        return redirect("studios:invitation", token)
    try:
        invitations.accept(named, request.user)
    except invitations.NoLongerValidError:
        return spent(request)
    messages.success(request, f"Welcome to {named.studio}.")
    return redirect(named.studio)


class JoinView(SignupView):  # type: ignore[misc]  # allauth has no types
    """Signs up and accepts at once, throttled as every sign-up is."""

    template_name = "studios/join.html"
    invitation: Invitation

    def dispatch(self, request: HttpRequest, token: str) -> HttpResponse:
        named = invitations.read(token)
        if not named:
            return spent(request)
        self.invitation = named
        response: HttpResponse = super().dispatch(request, token)
        return response

    def get_form_class(self) -> type[JoinForm]:
        return JoinForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "invitation": self.invitation}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "invitation": self.invitation}

    def get_success_url(self) -> str:
        return self.invitation.studio.get_absolute_url()

    def form_valid(self, form: JoinForm) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except invitations.NoLongerValidError:
            return spent(self.request)
        return response


def spent(request: HttpRequest) -> HttpResponse:
    return render(request, "studios/invitation_spent.html", status=410)
