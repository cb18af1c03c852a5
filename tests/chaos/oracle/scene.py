"""A studio with a few people and profiles, as the oracle's own tests need it."""

from typing import Any

from tests.chaos.oracle.evidence import Evidence, StudioEvidence, Window
from tests.chaos.rig.ledger import Ledger, name_of

ACCOUNT, OTHER_ACCOUNT = "LoTuS1", "LoTuS9"
OPENED_AT = 100.0
ANA, BEA = "ana@lotus.chaos.example", "bea@lotus.chaos.example"

Row = dict[str, Any]


class Scene:
    """A studio with the people and profiles of one test; times are seconds after connecting."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.clients: list[Row] = []
        self.profiles: list[Row] = []
        self.journal: list[Row] = []
        self.windows = [Window("lotus", ACCOUNT, OPENED_AT)]

    def name(self, key: str, at: float = 1, saved_at: float | None = None) -> str:
        edit = self.ledger.name(key, OPENED_AT + at)
        edit.saved_at = OPENED_AT + (at if saved_at is None else saved_at)
        return name_of(edit)

    def client(self, name: str, email: str, **changes: Any) -> None:
        row = {"public_id": name, "first_name": name, "last_name": "", "email": email, "phone": ""}
        self.clients.append({**row, "agreed": True, "opted_out": False, "reason": ""} | changes)

    def opted_out(self, name: str, email: str) -> None:
        self.client(name, email, agreed=False, opted_out=True)

    def profile(
        self,
        name: str,
        email: str,
        *,
        suppressed: bool = False,
        phone: str = "",
        made_at: float = 2,
    ) -> None:
        """One that was created with this name."""
        profile_id = f"profile {len(self.profiles)}"
        marketing = {"suppression": [{"reason": "USER_SUPPRESSED"}] if suppressed else []}
        attributes = {
            "email": email,
            "first_name": name,
            "last_name": None,
            "phone_number": phone or None,
            "properties": {"junocal_source": "junocal"},
            "subscriptions": {"email": {"marketing": marketing}},
        }
        self.profiles.append({"id": profile_id, "attributes": attributes})
        self.applied("create_profile", name, email, made_at, profile_id, phone)

    def applied(
        self,
        operation: str,
        name: str,
        email: str,
        at: float = 2,
        profile: str = "profile 0",
        phone: str = "",
        **entry: Any,
    ) -> None:
        attributes = {"first_name": name, "phone_number": phone or None}
        row: Row = {"operation": operation, "email": email, "profile": profile, "account": ACCOUNT}
        row |= {"at": OPENED_AT + at, "attributes": attributes, "created": False}
        self.journal.append(row | entry)

    @property
    def evidence(self) -> Evidence:
        numbers = {"in-klaviyo": 0, "attention": 0}
        own = [entry for entry in self.journal if entry["account"] == self.windows[-1].account]
        studio = StudioEvidence(
            "lotus", self.windows[-1], self.clients, self.profiles, own, numbers
        )
        return Evidence([studio], self.windows, self.journal, [], self.ledger)
