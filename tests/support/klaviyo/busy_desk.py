"""A studio with some of everything for a worker to do, and what must hold once it is done."""

from clients.models import Client
from integrations.klaviyo.models import ClientSync
from tests.support.klaviyo.scene import Scene

AT_KLAVIYO = {f"{name}@example.com" for name in ("ana", "beatrice", "cleo", "dan", "fay", "gus")}


class Desk:
    """Some of everything that a worker may have to do for a studio."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.ana = scene.add(email="ana@example.com", first_name="Ana")
        self.bea = scene.add(email="bea@example.com", first_name="Bea")
        self.cleo = scene.add(email="cleo@example.com", first_name="Cleo")
        self.dan = scene.add(email="dan@example.com", first_name="Dan")
        scene.sync()
        scene.klaviyo.seed({"email": "gus@example.com"})
        scene.change(self.ana, first_name="Anna")
        scene.change(self.bea, email="beatrice@example.com")
        scene.opt_out(self.cleo)
        self.eve = scene.add(email="eve@example.com", first_name="Eve")
        self.fay = scene.add(email="fay@example.com", first_name="Fay")
        self.gus = scene.add(email="gus@example.com", first_name="Gus")
        scene.opt_out(self.gus)  # never pushed, and known at Klaviyo all the same
        scene.change(self.dan, email="daniel@example.com")
        scene.add(email="dan@example.com", first_name="Another Dan")
        scene.opt_out(self.dan)  # what he had is somebody else's by now

    def some_say_no(self) -> int:
        """Two in the middle of it, just after the worker died; the last entry at Klaviyo then."""
        self.scene.opt_out(self.ana)
        self.scene.opt_out(self.eve)
        return self.scene.last_entry()

    def assert_all_is_well(self, since: int) -> None:
        self.assert_klaviyo_is_as_here()
        self.assert_who_said_no_is_left_alone(since)
        assert not ClientSync.objects.exclude(lease=None).exists()
        assert not ClientSync.objects.unsettled().exists()

    def assert_klaviyo_is_as_here(self) -> None:
        names = {address: values[0] for address, values in self.scene.values().items()}
        ids = self.scene.ids()
        for client in Client.objects.filter(email_opt_in=True):
            assert names[client.email] == client.first_name
            assert client.klaviyo_profile_id == ids[client.email]
        assert set(names) - {"eve@example.com"} == AT_KLAVIYO

    def assert_who_said_no_is_left_alone(self, since: int) -> None:
        there = set(self.scene.ids())
        said_no = {client.email for client in Client.objects.exclude(opted_out_at=None)}
        assert self.scene.klaviyo.suppressed() == said_no & there
        ids = {self.scene.ids().get(email) for email in said_no}
        later = [one for one in self.scene.writes(since) if one["profile"] in ids]
        assert {one["operation"] for one in later} <= {"bulk_suppress_profiles"}
        assert not [one for one in later if one["created"]], "by a suppression"
