"""A lean Klaviyo for benchmarks: the five operations, the token endpoint, and counts of both.

The sandbox knows every rule of the API, and takes longer for a request than Junocal does; this one
answers what a healthy Klaviyo would, in a fraction of a millisecond, after a latency of one's own
choice. It knows two more things: profiles that were there before (`known…`, made up as they are
asked for, so that a million of them cost nothing), and when each edit and opt-out arrived.

    .venv/bin/python -m dev.benchmarks.double
"""

import asyncio
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

BURST, STEADY = 75, 750  # documented, of all operations but the reading of accounts
KNOWN = "known"  # profile ids of clients that were synced before: known-<studio>-<number>
WATCHED = "Edit"  # a first name that begins so is an edit whose arrival is wanted

LINKS = {"self": ""}  # the official SDK wants some

Answer = tuple[int, Any]


@dataclass
class Window:
    """Klaviyo's fixed windows of one second and one minute."""

    second: int = 0
    minute: int = 0
    in_second: int = 0
    in_minute: int = 0

    def takes(self, now: float, factor: int) -> bool:
        if int(now) != self.second:
            self.second, self.in_second = int(now), 0
        if int(now / 60) != self.minute:
            self.minute, self.in_minute = int(now / 60), 0
        self.in_second += 1
        self.in_minute += 1
        return self.in_second <= BURST * factor and self.in_minute <= STEADY * factor


@dataclass
class Account:
    profiles: dict[str, str] = field(default_factory=dict)  # folded email → id
    emails: dict[str, str] = field(default_factory=dict)  # id → email
    windows: defaultdict[str, Window] = field(default_factory=lambda: defaultdict(Window))
    created_at: list[float] = field(default_factory=list)


class Klaviyo:
    def __init__(self) -> None:
        self.latency_s = 0.0
        self.latencies: dict[str, float] = {}  # of single accounts
        self.factor = 1
        self.reset()

    def reset(self) -> None:
        self.accounts: defaultdict[str, Account] = defaultdict(Account)
        self.counts: Counter[str] = Counter()
        self.arrived: dict[str, float] = {}  # edits by name, opt-outs by address

    def told_wait_s(self, account: str) -> float:
        return self.latencies.get(account, self.latency_s)

    # --- Operations ---------------------------------------------------------------------------

    def token(self, form: str) -> Answer:
        """Any refresh token is good: it names its account, and stays the same."""
        refresh_token = parse_qs(form)["refresh_token"][0]
        self.counts["oauth_refresh"] += 1
        return 200, {
            "access_token": refresh_token,
            "refresh_token": refresh_token,
            "expires_in": 3600,
            "token_type": "bearer",
            "scope": "accounts:read profiles:read profiles:write subscriptions:write",
        }

    def call(self, method: str, target: str, account_id: str, body: bytes) -> Answer:
        account = self.accounts[account_id]
        path = target.partition("?")[0]
        match method, path.split("/")[2:]:
            case "GET", ["accounts"]:
                return self.counted(account, "get_accounts", 200, [{"id": account_id}])
            case "GET", ["profiles"]:
                found = self.find(account, urlsplit(target).query)
                return self.counted(account, "get_profiles", 200, found)
            case "POST", ["profiles"]:
                return self.create(account, json.loads(body)["data"]["attributes"])
            case "PATCH", ["profiles", profile_id]:
                return self.update(account, profile_id, json.loads(body)["data"]["attributes"])
            case "POST", ["profile-suppression-bulk-create-jobs"]:
                return self.suppress(account, json.loads(body)["data"]["attributes"])
        return 404, None

    def counted(self, account: Account, operation: str, status: int, data: Any) -> Answer:
        if not account.windows[operation].takes(time.time(), self.factor):
            status, data = 429, None
        self.counts[operation if status < 400 else f"{operation} {status}"] += 1
        return status, data

    def find(self, account: Account, query: str) -> list[Any]:
        key, _, values = parse_qs(query)["filter"][0][len("any(") : -1].partition(",")
        if key == "id":
            ids = [one for one in json.loads(values) if one in account.emails]
        else:
            folded = {one.lower() for one in json.loads(values)}
            ids = [account.profiles[one] for one in folded if one in account.profiles]
        return [resource(one, account.emails[one]) for one in ids]

    def create(self, account: Account, attributes: dict[str, Any]) -> Answer:
        email = attributes["email"]
        known = account.profiles.get(email.lower())
        if known:
            return self.counted(account, "create_profile", 409, None)
        profile_id = f"P{len(account.emails)}"
        status, data = self.counted(account, "create_profile", 201, resource(profile_id, email))
        if status == 201:
            self.keep(account, profile_id, email)
            account.created_at.append(time.time())
            self.watch(attributes)
        return status, data

    def update(self, account: Account, profile_id: str, attributes: dict[str, Any]) -> Answer:
        email = account.emails.get(profile_id) or known_email(profile_id)
        if not email:
            return self.counted(account, "update_profile", 404, None)
        email = attributes.get("email", email)
        status, data = self.counted(account, "update_profile", 200, resource(profile_id, email))
        if status == 200:
            self.keep(account, profile_id, email)
            self.watch(attributes)
        return status, data

    def suppress(self, account: Account, attributes: dict[str, Any]) -> Answer:
        status, _ = self.counted(account, "suppress", 202, None)
        if status == 202:
            for one in attributes["profiles"]["data"]:
                self.arrived.setdefault(one["attributes"]["email"], time.time())
        return status, None

    def keep(self, account: Account, profile_id: str, email: str) -> None:
        account.emails[profile_id] = email
        account.profiles[email.lower()] = profile_id

    def watch(self, attributes: dict[str, Any]) -> None:
        name = attributes.get("first_name") or ""
        if name.startswith(WATCHED):
            self.arrived.setdefault(name, time.time())

    # --- Control ------------------------------------------------------------------------------

    def control(self, path: str, body: bytes) -> Answer:
        match path:
            case "/control/reset":
                self.reset()
            case "/control/settings":
                for name, value in json.loads(body).items():
                    setattr(self, name, value)
            case "/control/arrived":
                return 200, self.arrived
            case "/control/created":
                return 200, {name: one.created_at for name, one in self.accounts.items()}
        return 200, self.counts


def known_email(profile_id: str) -> str:
    kind, _, rest = profile_id.partition("-")
    studio, _, number = rest.partition("-")
    return f"c{number}@s{studio}.example" if kind == KNOWN else ""


def resource(profile_id: str, email: str) -> dict[str, Any]:
    attributes = {"email": email}
    return {"type": "profile", "id": profile_id, "attributes": attributes, "links": LINKS}


class Conversation(asyncio.Protocol):
    """One connection; requests on it come one after the other, as HTTP/1.1 has it."""

    def __init__(self, klaviyo: Klaviyo) -> None:
        self.klaviyo = klaviyo
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        headers = read_headers(head)
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.received = rest[length:]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.take(method, target, headers, rest[:length])

    def take(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        if target.startswith("/control/"):
            self.write(*self.klaviyo.control(target, body))
            return
        account = headers.get("authorization", "").removeprefix("Bearer ")
        wait_s = self.klaviyo.told_wait_s(account)
        loop = asyncio.get_running_loop()
        loop.call_later(wait_s, self.answer, method, target, account, body)

    def answer(self, method: str, target: str, account: str, body: bytes) -> None:
        """Carried out when it is answered, so that an arrival has the whole latency in it."""
        if target == "/oauth/token":
            self.write(*self.klaviyo.token(body.decode()))
        else:
            status, data = self.klaviyo.call(method, target, account, body)
            self.write(status, {"data": data, "links": LINKS} if status < 400 else {"errors": []})

    def write(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        burst, steady = BURST * self.klaviyo.factor, STEADY * self.klaviyo.factor
        head = (
            f"HTTP/1.1 {status} -\r\nContent-Type: application/vnd.api+json\r\n"
            f"RateLimit-Limit: {burst}, {burst};w=1, {steady};w=60\r\n"
            f"Content-Length: {len(body)}\r\n"
        )
        if status == 429:
            head += "Retry-After: 1\r\n"
        self.transport.write(head.encode() + b"\r\n" + body)


def read_headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value for name, _, value in lines}


async def main() -> None:
    klaviyo = Klaviyo()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(klaviyo), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
