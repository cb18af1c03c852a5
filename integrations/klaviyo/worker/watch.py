"""The watch over connections in trouble: the owners get one email when it has lasted for a quarter
of an hour, and one when it is over. A hiccup in between, good or bad, changes nothing.
"""

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from integrations.klaviyo.connection import health_check, hindrances, owner_emails
from integrations.klaviyo.models import Connection
from integrations.klaviyo.models.connection import UNTROUBLED, ConnectionQuerySet
from integrations.klaviyo.reasons import Reason

TOLD_AFTER = timedelta(minutes=15)
BELIEVED_AFTER = timedelta(minutes=3)  # without trouble; looks are a minute apart

# Reading the account says whether these still hold; of a permission for profiles it says nothing.
TOLD_BY_ACCOUNT = (Reason.NOT_ACCEPTED, Reason.OUTDATED)


def look() -> None:
    """Note who is in trouble and who no longer is, and tell their owners."""
    try_the_idle()
    note_trouble()
    note_calm()
    for connection in lasting().select_related("studio"):
        if hindrance := hindrances.at_klaviyo(connection):
            owner_emails.tell_of_trouble(connection, hindrance)
    for connection in over().exclude(trouble_told_at=None).select_related("studio"):
        owner_emails.tell_of_recovery(connection)
    over().filter(trouble_told_at=None).update(**UNTROUBLED)


def try_the_idle() -> None:
    """Who is suspended and has nothing to be tried with has its account read instead."""
    waits = Exists(hindrances.waiting().filter(connection=OuterRef("pk")))
    on_trial = Connection.objects.live().filter(suspended_until__lte=Now())
    for connection in on_trial.filter(~waits, suspended_reason__in=TOLD_BY_ACCOUNT):
        health_check.request(connection)


def note_trouble() -> None:
    hindered = hindrances.hindered()
    hindered.filter(troubled_since=None).update(troubled_since=Now())
    hindered.exclude(calm_since=None).update(calm_since=None)


def note_calm() -> None:
    calm = troubled().filter(calm_since=None).exclude(pk__in=hindrances.hindered())
    calm.update(calm_since=Now())


def lasting() -> ConnectionQuerySet:
    """In trouble for long, and nobody was told."""
    since = Now() - TOLD_AFTER
    return troubled().filter(calm_since=None, troubled_since__lte=since, trouble_told_at=None)


def over() -> ConnectionQuerySet:
    return troubled().filter(calm_since__lte=Now() - BELIEVED_AFTER)


def troubled() -> ConnectionQuerySet:
    return Connection.objects.live().exclude(troubled_since=None)
