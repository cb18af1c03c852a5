"""The sandbox as tests and the demo hold it: a real process, and a hand on its controls.

with SandboxProcess() as sandbox:
    sandbox.fault("reset_after", operation="create_profile", times=1)
    ...
    assert sandbox.journal(operation="create_profile")
"""

import base64
import hashlib
import secrets
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import requests

from dev.klaviyo_sandbox.api.accounts import LOTUS, STAN
from dev.klaviyo_sandbox.testing.process import Process

__all__ = ["LOTUS", "STAN", "SandboxProcess", "new_pkce"]

REVISION = "2026-07-15"
MEDIA_TYPE = "application/vnd.api+json"
CALL_TIMEOUT_S = 30

Entry = dict[str, Any]


def new_pkce() -> tuple[str, str]:
    """A fresh code verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(48)
    sha = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(sha).decode().rstrip("=")


class SandboxProcess(Process):
    """A running sandbox, its controls, and Klaviyo's own face."""

    # Faults and settings

    def fault(self, fault: str, **wanted: Any) -> Entry:
        """Set a fault: operation, account, containing, times, skip, probability, seed, seconds,
        retry_after, apply, location (see `faults.Fault`)."""
        return cast(Entry, self._control("POST", "faults", {"fault": fault, **wanted}))

    def faults(self) -> list[Entry]:
        return self._list("faults")

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Lift one or all; what they held goes on."""
        self._control("DELETE", "faults" + (f"?id={fault_id}" if fault_id else ""))

    def configure(self, **settings: Any) -> Entry:
        """Change settings: rotation, expires_in_s, limits … (see `settings.Settings`)."""
        return cast(Entry, self._control("PATCH", "settings", settings))

    def reset(self) -> None:
        """As on the first day."""
        self._control("POST", "reset")

    # Accounts and grants

    def open_account(self, account: str, organization: str) -> None:
        self._control("POST", "accounts", {"id": account, "organization": organization})

    def accounts(self) -> dict[str, Entry]:
        """Accounts by id, each with its living grants."""
        return {one["id"]: one for one in self._list("accounts")}

    def grants(self, account: str = LOTUS.id) -> list[Entry]:
        """The living grants of an account."""
        living: list[Entry] = self.accounts()[account]["grants"]
        return living

    def issue_tokens(self, account: str = LOTUS.id, scope: str | None = None) -> Entry:
        """Install the app without a browser; the answer of a code exchange."""
        wanted = {"scope": scope} if scope else {}
        return cast(Entry, self._control("POST", f"accounts/{account}/tokens", wanted))

    def expire_tokens(self, account: str | None = None) -> None:
        """Every access token, of one account or of all, is expired."""
        self._control("POST", "expire-tokens", {"account": account} if account else {})

    def uninstall(self, account: str = LOTUS.id, *, tell: bool = True) -> bool:
        """Uninstall as its owner does; True if the webhook is being called."""
        answer = self._control("POST", "uninstall", {"account": account, "tell": tell})
        return bool(answer["told"])

    def deliveries(self) -> list[Entry]:
        """Webhook deliveries with url, headers, body, tries and outcome."""
        return self._list("deliveries")

    # Profiles

    def seed(self, *people: Entry, account: str = LOTUS.id) -> list[str]:
        """Profiles that were there before, spelled as given; their ids."""
        return cast(list[str], self._control("POST", f"accounts/{account}/profiles", list(people)))

    def profiles(self, account: str = LOTUS.id) -> list[Entry]:
        """All profiles as JSON:API resources, subscriptions included."""
        return self._list(f"accounts/{account}/profiles")

    def profile(self, email: str, account: str = LOTUS.id) -> Entry | None:
        """The attributes and `id` of the profile with this address; None if there is none."""
        for one in self.profiles(account):
            if (one["attributes"]["email"] or "").lower() == email.lower():
                return {"id": one["id"], **one["attributes"]}
        return None

    def suppressed(self, account: str = LOTUS.id) -> set[str]:
        """The addresses that are suppressed, for whatever reason."""
        return {
            one["attributes"]["email"]
            for one in self.profiles(account)
            if one["attributes"]["subscriptions"]["email"]["marketing"]["suppression"]
        }

    def delete_profile(self, profile_id: str, account: str = LOTUS.id) -> None:
        self._control("DELETE", f"accounts/{account}/profiles/{profile_id}")

    # What happened

    def journal(
        self, since: int = 0, account: str | None = None, operation: str | None = None
    ) -> list[Entry]:
        """What was applied, oldest first: seq, at, asked_at, account, grant, operation, profile,
        email, created, attributes."""
        entries = self._list(f"journal?since={since}")
        return [
            one
            for one in entries
            if account in (None, one["account"]) and operation in (None, one["operation"])
        ]

    def request_log(
        self, since: int = 0, account: str | None = None, operation: str | None = None
    ) -> list[Entry]:
        """Requests in the order they came: seq, at, operation, account, grant, status, fault."""
        requests = self._list(f"requests?since={since}")
        return [
            one
            for one in requests
            if account in (None, one["account"]) and operation in (None, one["operation"])
        ]

    # Klaviyo's own face

    def authorize(self, url: str, *, account: str = LOTUS.id, allow: bool = True) -> str:
        """Press Allow or Deny on the consent page at this address; where it sends the browser."""
        target = urlsplit(url)
        page = self._http.get(url, allow_redirects=False, timeout=CALL_TIMEOUT_S)
        if page.is_redirect:
            return page.headers["Location"]
        page.raise_for_status()
        form = dict(parse_qsl(target.query))
        form |= {"account": account, "decision": "allow" if allow else "deny"}
        answer = self._http.post(
            f"{self.url}/oauth/authorize", form, allow_redirects=False, timeout=CALL_TIMEOUT_S
        )
        answer.raise_for_status()
        return answer.headers["Location"]

    def oauth(self, what: str, **form: str) -> requests.Response:
        """POST /oauth/token or /oauth/revoke as the registered app."""
        return self._http.post(
            f"{self.url}/oauth/{what}",
            form,
            auth=(self.client_id, self.client_secret),
            timeout=CALL_TIMEOUT_S,
        )

    def call(
        self,
        method: str,
        path: str,
        token: str,
        document: Entry | None = None,
        /,
        **params: str,
    ) -> requests.Response:
        """One call of the API in order; `params` are the query."""
        headers = {
            "Authorization": f"Bearer {token}",
            "revision": REVISION,
            "Accept": MEDIA_TYPE,
            "Content-Type": MEDIA_TYPE,
        }
        return self._http.request(
            method,
            f"{self.url}/api/{path}",
            headers=headers,
            json=document,
            params=params,
            timeout=CALL_TIMEOUT_S,
            allow_redirects=False,
        )

    def _list(self, path: str) -> list[Entry]:
        return cast(list[Entry], self._control("GET", path))

    def _control(self, method: str, path: str, wanted: Any = None) -> Any:
        answer = self._http.request(
            method, f"{self.url}/control/{path}", json=wanted, timeout=CALL_TIMEOUT_S
        )
        if not answer.ok:
            raise ValueError(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()
