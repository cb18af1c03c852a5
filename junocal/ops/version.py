"""The version at the foot of every page: what somebody who writes to us can read out."""

from django.http import HttpRequest

from junocal import __version__


def page_foot(request: HttpRequest) -> dict[str, str]:
    return {"version": __version__}
