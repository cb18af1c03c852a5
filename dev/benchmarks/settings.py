"""How a benchmark is run, and the single changes that all of them make."""

import time
from dataclasses import dataclass

from clients import consent
from clients.models import Client, ConsentSource
from dev.benchmarks.double import WATCHED


@dataclass(frozen=True)
class Settings:
    latency_s: float = 0.02  # of Klaviyo's answers
    quick: bool = False
    verbose: bool = False  # which statements took longest
    pause_s: float = 0.15  # between single changes, within Klaviyo's limit for one studio

    def scaled(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @staticmethod
    def edit(client: Client) -> str:
        """Save a new name, which Klaviyo's double watches for."""
        client.first_name = f"{WATCHED} {time.time_ns()}"
        client.save()
        return client.first_name

    @staticmethod
    def opt_out(client: Client) -> str:
        """Opt out at the desk; the address whose suppression is watched for."""
        consent.withdraw(client, source=ConsentSource.STAFF)
        return client.email
