"""Migrations are only added to: whoever runs Junocal has applied the ones that have landed."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("studios", "clients", "integrations/klaviyo")

# SHA-256 of each, as it landed. A new migration adds its line; no line is ever changed.
LANDED = {
    "studios/migrations/0001_people_and_studios.py": (
        "4f468b3e6035f5f91584e6149f645ad41f5fb6a1d660670fd8a67897f36c158f"
    ),
    "studios/migrations/0002_cache_table.py": (
        "72f90f4fc1a815bff1cc5fb67bc5232f9b592bbeae53f0dad06db8b81c5521e3"
    ),
    "clients/migrations/0001_clients.py": (
        "f02c2bb1a98eb1d758e4fe1f63047d6c62c2be64c1a73993ab83858d282a4cae"
    ),
    "clients/migrations/0002_mailboxes.py": (
        "832a149660b0d22c0355a3b0bfdc47d38eceb16e3e0055faa3f6e8f2d058ae9d"
    ),
    "clients/migrations/0003_sent_addresses.py": (
        "f8153115b60fb932c3059d50d2727608dfe31d6d5814bd05746d625fa596be96"
    ),
    "clients/migrations/0004_folded.py": (
        "af47929c22d13e5dcb11d43c133dae18e1f7f02e3a22f98d30c9429776898c57"
    ),
    "clients/migrations/0005_fold.py": (
        "e6ce437c40722bd8af7f909006e2a563336a61e0029a673e08ed4dcb2265b02b"
    ),
    "clients/migrations/0006_kept_counts.py": (
        "103e0d742cd4b15a27b2efcb6f09f73aee28045b0c9f171ccaee5a63d08f5d59"
    ),
    "clients/migrations/0007_runs.py": (
        "5a0358854ec294c584ae48d82cd2725aedeb03544c3c77a5233c6e30e1675f5f"
    ),
    "clients/migrations/0008_history.py": (
        "0801c2b7f3235ada10a839346c3244345f5eaa1024b342cf7d2fc1a14f2438f7"
    ),
    "clients/migrations/0009_few_of_many.py": (
        "50b06752573d99b43e781be43cb99bf5a3c3b447fc1d1b0a835f1b564d8b4151"
    ),
    "integrations/klaviyo/migrations/0001_connections_and_sync.py": (
        "ff02f0ec718f3587cc5e7aec43254e53b551022c9419eb4f232a7eda4a14196c"
    ),
    "integrations/klaviyo/migrations/0003_tallies.py": (
        "8f7fb1b8ca5121628bdfa5e694dff4ec55112b939c68c41f8a5b24e6c3696a79"
    ),
    "integrations/klaviyo/migrations/0002_exposures_and_turns.py": (
        "f3c6ec11a9194aae11a512fe6a5109c40a563351feebab5028fc1c1db5ca9c30"
    ),
    "integrations/klaviyo/migrations/0004_trouble_told.py": (
        "818d1a90367ef167380dff58b445bee6dcfb459e34f379bc117740cb26e537b8"
    ),
    "integrations/klaviyo/migrations/0005_confirmed_exposures.py": (
        "1232403cde3e76472eee6a8f5633c8eade3a618a5f91cb0d598c4d7db42c5de2"
    ),
    "integrations/klaviyo/migrations/0006_renewals.py": (
        "bc43beaa8783bc51c9326a3dec4723b1d6348d34b87848bd13bcda144b6c519e"
    ),
    "integrations/klaviyo/migrations/0007_retries_opt_outs.py": (
        "9af770a5574d0e3eb3e3ca4386eb4f021918a085fb7985dc1610172b8969084e"
    ),
    "integrations/klaviyo/migrations/0008_not_agreed.py": (
        "395e5002b72faa357e7f2e77b88581889212e909b1b86914a51d8aec03a467f4"
    ),
    "studios/migrations/0003_first_steps.py": (
        "45e10c31b9da836a3a1b0783de567da30266390bf443adb9978430efb4b720d4"
    ),
}


def migrations() -> dict[str, str]:
    """The hash of every migration, by its path."""
    found = [path for app in APPS for path in (ROOT / app / "migrations").glob("[0-9]*.py")]
    return {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


def test_what_has_landed_is_neither_changed_nor_removed() -> None:
    there = migrations()

    changed = sorted(path for path, landed in LANDED.items() if there.get(path) != landed)

    assert not changed, f"put these back as they landed, and add a migration instead: {changed}"


def test_every_migration_has_its_line() -> None:
    new = {path: hashed for path, hashed in migrations().items() if path not in LANDED}

    assert not new, f"add to LANDED (tests/guards/test_migrations.py): {new}"
