"""How the next request for one client goes, by what is known of its profile."""

from collections.abc import Collection
from typing import Any

from clients.models import Client, same_address
from integrations.klaviyo.api.documents import Profile, Request
from integrations.klaviyo.contract import Operation
from integrations.klaviyo.models import ClientSync, SyncEvent
from integrations.klaviyo.outbox.preflight import Push
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync.profile import attributes, fields_with_values


class Plan:
    """The way of one claimed row's client to Klaviyo."""

    def __init__(self, row: ClientSync, client: Client) -> None:
        """By what was confirmed last."""
        known = row.confirmed_address
        is_there = same_address(known) == client.address and row.confirm_at is None
        self.row, self.client = row, client
        self.profile_id = client.klaviyo_profile_id
        self.keeps_address = self.profile_id is not None and is_there  # differing case included
        self.spelling = known if self.keeps_address else as_sent(client)
        self.without_phone: Reason | None = None
        self.is_adopted = False
        self.has_phone_of_another = False  # the profile may have, as whoever had it left it

    @property
    def is_linked(self) -> bool:
        return self.profile_id is not None

    @property
    def operation(self) -> Operation:
        return Operation.UPDATE_PROFILE if self.is_linked else Operation.CREATE_PROFILE

    @property
    def document(self) -> dict[str, Any]:
        return attributes(
            self.client,
            address=None if self.keeps_address else self.spelling,
            sent_before=self.row.sent_fields,
            with_phone=self.without_phone is None,
        )

    @property
    def request(self) -> Request:
        if self.profile_id is None:
            return Request.create_profile(self.document)
        return Request.update_profile(self.profile_id, self.document)

    @property
    def push(self) -> Push:
        fields = fields_with_values(self.document)
        return Push(self.row, self.spelling, self.profile_id, fields)

    @property
    def phone_sent(self) -> str:
        return "" if self.without_phone else self.client.phone

    @property
    def event(self) -> SyncEvent.What:
        if self.profile_id is None:
            return SyncEvent.What.CREATED
        return SyncEvent.What.ADOPTED if self.is_adopted else SyncEvent.What.UPDATED

    def adopt(self, profile: Profile, fields_sent: Collection[str] = ()) -> None:
        """Write to this one, which has the client's address; these fields of it may be ours."""
        self.row.sent_fields = sorted({*self.row.sent_fields, *fields_sent})
        self.has_phone_of_another = "phone_number" in fields_sent
        self.profile_id, self.spelling = profile.id, profile.email
        self.keeps_address = self.is_adopted = True

    def start_anew(self) -> None:
        """What was known of the profile is wrong: create one, unless a look-up finds it."""
        self.profile_id, self.spelling, self.keeps_address = None, as_sent(self.client), False


def as_sent(client: Client) -> str:
    """The email as a new profile gets it: trimmed, in lower case, its domain as typed."""
    return client.email.strip().lower()
