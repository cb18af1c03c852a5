"""Make a studio and its owner from the shell: the first ones of an installation, or the demo's.

Whoever runs it vouches for the owner's address, which counts as verified.
"""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from studios.countries import likely_zone
from studios.models import Membership, Role, Studio, User


class Command(BaseCommand):
    help = "Make a studio and its owner. A person with that email is taken as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--slug", required=True, help="for /s/<slug>/; never changes")
        parser.add_argument("--country", required=True, help="two letters, as DE")
        parser.add_argument("--owner-email", required=True)
        parser.add_argument("--owner-password", required=True, help="unused if the person exists")
        parser.add_argument("--owner-name", default="")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        studio = new_studio(options["name"], options["slug"], options["country"].upper())
        owner = User.objects.filter(email__iexact=options["owner_email"]).first()
        owner = owner or new_owner(
            options["owner_email"], options["owner_password"], options["owner_name"]
        )
        vouch_for(owner)
        Membership.objects.create(studio=studio, user=owner, role=Role.OWNER)
        self.stdout.write(f"{studio} stands at /s/{studio.slug}/ and {owner.email} owns it.")


def new_studio(name: str, slug: str, country: str) -> Studio:
    if Studio.objects.filter(slug=slug).exists():
        raise CommandError(f"There is a studio with the slug {slug} already; nothing was changed.")
    studio = Studio(name=name, slug=slug, country=country, timezone=likely_zone(country))
    refuse_invalid(studio)
    studio.save()
    return studio


def new_owner(email: str, password: str, name: str) -> User:
    owner = User(email=email.lower(), name=name or email.partition("@")[0])
    owner.set_password(password)
    refuse_invalid(owner)
    try:
        validate_password(password, owner)
    except ValidationError as refusal:
        raise CommandError(f"--owner-password: {' '.join(refusal.messages)}") from refusal
    owner.save()
    return owner


def vouch_for(owner: User) -> None:
    EmailAddress.objects.update_or_create(
        user=owner, email=owner.email, defaults={"verified": True, "primary": True}
    )


def refuse_invalid(thing: Studio | User) -> None:
    try:
        thing.full_clean()
    except ValidationError as refusal:
        words = (f"{field}: {' '.join(said)}" for field, said in refusal.message_dict.items())
        raise CommandError("; ".join(words)) from refusal
