"""What every page's frame needs: the studio it is in and the studios to switch to."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from studios.models import Membership


def page_frame(request: HttpRequest) -> dict[str, Any]:
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"support_email": settings.SUPPORT_EMAIL}
    return {
        "support_email": settings.SUPPORT_EMAIL,
        "studio": getattr(request, "studio", None),
        "membership": getattr(request, "membership", None),
        "memberships": Membership.objects.filter(user=request.user)
        .select_related("studio")
        .order_by("studio__name"),
    }
