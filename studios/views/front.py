"""The front page, the choice of studios, and a new studio."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from studios.access import SignedInRequest, signed_in
from studios.creation import create_studio, refuse_many
from studios.forms import NewStudioForm
from studios.models import Studio


@require_GET
def front(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return render(request, "studios/front.html")
    mine = list(Studio.objects.filter(memberships__user=request.user)[:2])
    if len(mine) == 1:
        return redirect(mine[0])
    return render(request, "studios/choose.html")


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: SignedInRequest) -> HttpResponse:
    form = NewStudioForm(request.POST or None)
    if form.is_valid():
        try:
            refuse_many(request.user)
            return redirect(create_studio(**form.cleaned_data, owner=request.user))
        except ValidationError as refusal:
            form.add_error(None, refusal)
    return render(request, "studios/new.html", {"form": form})
