"""How this sandbox behaves: the app registered with it, its moods, its limits.

Given at the start, changed over the control address; a change survives a restart.
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from threading import Lock
from typing import Any, Literal

from dev.klaviyo_sandbox.store import Store

SECRETS = frozenset({"client_secret", "webhook_secret"})
CHOICES = {"rotation": ("same", "grace", "strict", "none"), "duplicate_status": (404, 409)}


@dataclass(frozen=True)
class Settings:
    """One moment's settings; times are seconds, `*_per_minute` 0 means no limit."""

    client_id: str = "junocal-sandbox"
    client_secret: str = "sandbox-client-secret"  # noqa: S105  (opens nothing but a sandbox)
    redirect_uris: list[str] = field(default_factory=list)

    rotation: Literal["same", "grace", "strict", "none"] = "same"
    grace_s: float = 60
    code_lifetime_s: float = 300
    expires_in_s: float = 3600
    refresh_per_minute: int = 10
    granted_scopes: list[str] | None = None
    access_tokens_outlive_uninstall: bool = False

    limits: dict[str, list[int]] = field(default_factory=dict)
    limits_enabled: bool = True
    time_scale: float = 1.0

    refused_phone_prefixes: list[str] = field(default_factory=list)
    duplicate_status: Literal[404, 409] = 409
    merged_ids_resolve_s: float = 3600

    webhook_url: str = ""
    webhook_secret: str = ""
    webhook_id: str = "01HSANDBOXWEBHOOK000000000"
    webhook_topic: str = "app.uninstalled"

    def public(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name not in SECRETS}


class SettingsBook:
    """The present settings, and those that the control address changed."""

    def __init__(self, store: Store, at_start: Settings) -> None:
        self._store = store
        self._at_start = at_start
        self._lock = Lock()
        self._present = at_start
        self._load()

    def __call__(self) -> Settings:
        return self._present

    def change(self, changes: dict[str, Any]) -> Settings:
        """Keep these; ValueError names a setting that isn't one, or a value that can't be."""
        known = {one.name for one in fields(Settings)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no setting is called {name}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} is one of {CHOICES[name]}")
        with self._lock, self._store.transaction() as db:
            for name, value in changes.items():
                db.execute("REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))
            self._present = replace(self._present, **changes)
        return self._present

    def reset(self) -> None:
        """Back to what the start said; the store has been cleared."""
        self._present = self._at_start

    def _load(self) -> None:
        with self._store.transaction() as db:
            rows = db.execute("SELECT name, value FROM settings").fetchall()
        self._present = replace(
            self._at_start, **{row["name"]: json.loads(row["value"]) for row in rows}
        )
