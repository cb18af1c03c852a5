"""How allauth's sign-up and sign-in fit the house."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest

from studios.models import User

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:
        user.name = form.cleaned_data["name"]
        super().save_user(request, user, form, commit)
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server out of reach stops no sign-up: each email can be asked for again."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError:
            log.exception("could not send %s", template_prefix)
            messages.error(self.request, "The email could not be sent. Ask for it again later.")
