"""What Junocal changes in allauth: names, emails that can't be sent, links in emails."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmationMixin
from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse

from studios.models import User

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:
        user.name = form.cleaned_data["name"]
        super().save_user(request, user, form, commit)
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an email, or say on the page that it could not be sent.

        A mail server out of reach stops no sign-up: each email can be asked for again.
        `ValueError` is Django's for an address that passed as one and that no email can carry.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, ValueError):
            log.exception("could not send %s", template_prefix)
            messages.error(self.request, "The email could not be sent. Ask for it again later.")

    # Links in emails begin with our own address: allauth takes it from the request's `Host`, whose
    # port nobody checks, and a password's reset would go where whoever asked for it listens.

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return settings.BASE_URL + reverse("account_reset_password_from_key", args=[uid, token])

    def get_email_confirmation_url(
        self, request: HttpRequest, emailconfirmation: EmailConfirmationMixin
    ) -> str:
        return settings.BASE_URL + reverse("account_confirm_email", args=[emailconfirmation.key])
