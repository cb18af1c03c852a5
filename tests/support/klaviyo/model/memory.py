"""What the model remembers of people by itself; it reads nothing of what the sync remembers."""

from dataclasses import dataclass, field

from clients.models import Client


@dataclass
class Memory:
    """Each first name is given once, so that a profile tells whose data it carries."""

    whose: dict[str, int] = field(default_factory=dict)  # the client's key, by first name
    said_no: set[int] = field(default_factory=set)  # their last word, also of those deleted
    owed: dict[int, str] = field(default_factory=dict)  # to be sent whatever was sent before
    clients: dict[int, Client] = field(default_factory=dict)  # as they are now
    names: int = 0
    refused: bool = False  # Klaviyo, or its double, found a request wrong

    def new_name(self, who: str) -> str:
        self.names += 1
        return f"{who}{self.names}"

    def look(self) -> None:
        self.clients = {client.pk: client for client in Client.objects.all()}
        for client in self.clients.values():
            self.whose[client.first_name] = client.pk
            if client.has_opted_out:
                self.said_no.add(client.pk)
            else:
                self.said_no.discard(client.pk)
            if not client.may_be_emailed:
                self.owed.pop(client.pk, None)
