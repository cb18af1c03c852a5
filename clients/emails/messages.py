"""Emails to clients. Each ends with who writes, from where, and how to stop it (RFC 8058)."""

from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from clients.models import Client
from studios.names import one_line
from studios.team import reply_addresses


def welcome(client: Client) -> EmailMultiAlternatives:
    """The email that greets a new client, not sent yet."""
    studio_name = one_line(client.studio.name)
    unsubscribe_url = settings.BASE_URL + reverse(
        "clients:unsubscribe", args=[client.unsubscribe_token]
    )
    context = {
        "client": client,
        "studio": client.studio,
        "unsubscribe_url": unsubscribe_url,
    }
    message = EmailMultiAlternatives(
        subject=f"Welcome to {studio_name}",
        body=render_to_string("emails/welcome.txt", context),
        from_email=formataddr((studio_name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        to=[client.email],
        reply_to=reply_addresses(client.studio),
        headers={
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    message.attach_alternative(render_to_string("emails/welcome.html", context), "text/html")
    return message
