"""Settings → Team: members, their roles, invitations."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studios import invitations
from studios import team as teams
from studios.access import StudioRequest, studio_access
from studios.forms import InvitationForm, RoleForm
from studios.models import Invitation, Membership, Role

LAST_OWNER = "A studio needs an owner. Make another person an owner first."


@studio_access(Role.OWNER)
@require_GET
def team(request: StudioRequest) -> HttpResponse:
    return show(request, InvitationForm(initial={"role": Role.FRONT_DESK}))


def show(request: StudioRequest, form: InvitationForm) -> HttpResponse:
    context = {
        "form": form,
        "roles": Role.choices,
        "members": teams.members_of(request.studio),
        "invitations": Invitation.objects.for_studio(request.studio)
        .pending()
        .order_by("-created_at"),
        "is_verified": teams.owner_is_verified(request.studio),
    }
    return render(request, "studios/team.html", context)


@studio_access(Role.OWNER)
@require_POST
def change_role(request: StudioRequest, member_id: UUID) -> HttpResponse:
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            role = form.cleaned_data["role"]
            member = teams.change_role(request.studio, member_id, role, by=request.user)
            messages.success(request, f"{member.user}: {member.get_role_display()} from now on.")
        except teams.LastOwnerError:
            messages.error(request, LAST_OWNER)
    return back(request)


@studio_access(Role.OWNER)
@require_http_methods(["GET", "POST"])
def remove(request: StudioRequest, member_id: UUID) -> HttpResponse:
    if request.method == "GET":
        member = teams.member_of(request.studio, member_id)
        return render(request, "studios/remove_member.html", {"member": member})
    try:
        member = teams.remove(request.studio, member_id, by=request.user)
        messages.success(request, f"{member.user} is no longer on the team.")
    except teams.LastOwnerError:
        messages.error(request, LAST_OWNER)
    return back(request)


@studio_access(Role.OWNER)
@require_POST
def invite(request: StudioRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if form.is_valid():
        try:
            deliver(request, **form.cleaned_data)
            return back(request)
        except ValidationError as refusal:
            form.add_error("email", refusal)
    return show(request, form)


@studio_access(Role.OWNER)
@require_POST
def send_again(request: StudioRequest, invitation_id: UUID) -> HttpResponse:
    invitation = pending(request, invitation_id)
    try:
        deliver(request, invitation.email, Role(invitation.role))
    except ValidationError as refusal:
        messages.error(request, refusal.message)
    return back(request)


@studio_access(Role.OWNER)
@require_POST
def withdraw(request: StudioRequest, invitation_id: UUID) -> HttpResponse:
    invitation = pending(request, invitation_id)
    invitations.withdraw(invitation, by=request.user)
    messages.success(request, f"The link that {invitation.email} got no longer works.")
    return back(request)


def pending(request: StudioRequest, invitation_id: UUID) -> Invitation:
    return get_object_or_404(
        Invitation.objects.for_studio(request.studio).pending(), public_id=invitation_id
    )


def deliver(request: StudioRequest, email: str, role: Role) -> None:
    """Invite and email; the page says how that went. Raises `ValidationError` as `invite` does.

    A mail server out of reach leaves the invitation, to be sent again.
    """
    invitation = invitations.invite(request.studio, email, role, by=request.user)
    try:
        invitations.send(invitation)
        messages.success(request, f"An invitation is on its way to {email}.")
    except (OSError, ValueError):  # the server is away, or can't write to such an address
        messages.error(
            request, f"The email to {email} could not be sent just now. Press Send again later."
        )


def back(request: StudioRequest) -> HttpResponse:
    """Redirects to the team; to the front page whoever is no longer an owner."""
    mine = Membership.objects.for_studio(request.studio).filter(user=request.user).first()
    if mine and mine.is_owner:
        return redirect("studios:team", request.studio.slug)
    return redirect("studios:front")
