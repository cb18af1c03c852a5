"""When Klaviyo does not take a push as it is: leave out the phone, adopt a profile, ask a person.

What is known of the profile stands in the plan; each method here mends the plan for the next
request, or raises `NeedsPersonError`.
"""

from functools import partial

from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.api.errors import (
    ConflictError,
    KlaviyoError,
    NotFoundError,
    RejectedError,
)
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import profile_links
from integrations.klaviyo.sync.lookup import look_up, preflight_read
from integrations.klaviyo.sync.plan import Plan

CONFLICTS = (RejectedError, NotFoundError, ConflictError)


class NeedsPersonError(Exception):
    """This client can't be pushed as it is."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Conflicts:
    """The conflicts of one client's push."""

    def __init__(self, plan: Plan, api: Klaviyo) -> None:
        self.plan, self.api = plan, api
        self.row, self.client = plan.row, plan.client

    def answered(self, error: KlaviyoError) -> None:
        match error:
            case RejectedError():
                self.rejected(error)
            case NotFoundError():
                self.not_found()
            case _:
                self.identifier_taken()

    def adopt(self, profile: Profile | None) -> None:
        """Go on with this profile; without one the plan is to create."""
        if profile:
            sent = profile_links.fields_sent_to(self.row.connection, [profile.id])
            self.plan.adopt(profile, sent.get(profile.id, ()))

    def look_up(self) -> Profile | None:
        """The profile that has the client's address now."""
        try:
            found = look_up([self.row], self.api)
        except RejectedError as error:
            raise NeedsPersonError(Reason.EMAIL_INVALID) from error
        return found.get(self.client.address)

    def rejected(self, error: RejectedError) -> None:
        """Klaviyo found the request wrong: without the phone it may be right."""
        if "phone_number" in error.fields and self.plan.without_phone is None:
            self.plan.without_phone = Reason.PHONE_INVALID
        elif "email" in error.fields:
            raise NeedsPersonError(Reason.EMAIL_INVALID)
        else:
            raise NeedsPersonError(Reason.REFUSED)

    def not_found(self) -> None:
        """The profile is gone; or it isn't, and Klaviyo answers a conflict so (seen live)."""
        looks = partial(preflight_read, [self.row])
        if self.plan.profile_id is None or self.api.has_profile(self.plan.profile_id, looks):
            self.identifier_taken()
        else:
            self.start_anew()

    def identifier_taken(self) -> None:
        """An identifier belongs to another profile: is it the address, or the phone?"""
        owner = self.look_up()
        if owner is None or owner.id == self.plan.profile_id:
            if self.plan.without_phone:
                raise NeedsPersonError(Reason.EMAIL_TAKEN)
            self.plan.without_phone = Reason.PHONE_TAKEN
        elif self.plan.profile_id is None or self.is_ours(owner):
            self.adopt(owner)
        else:
            raise NeedsPersonError(Reason.EMAIL_TAKEN)

    def is_ours(self, profile: Profile) -> bool:
        """Of this connection, or of one before, of which nothing is known any more but the tag."""
        if profile_links.may_follow(self.row, profile.id):
            return True
        return self.api.has_tag(profile.id, partial(preflight_read, [self.row]))

    def other_address(self, profile: Profile) -> None:
        """The profile turned out to have another address."""
        if self.plan.is_adopted:  # for an address that it lost meanwhile
            profile_links.unlink(self.row, profile.id)
            self.start_anew()
        else:
            self.plan.keeps_address = False  # it was changed there by hand

    def start_anew(self) -> None:
        self.plan.start_anew()
        self.adopt(self.look_up())
