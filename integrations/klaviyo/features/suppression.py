"""Automatic suppression: Klaviyo hears of every opt-out, and emails those people no more.

Suppressed is whatever may exist there because of a client. Suppression creates profiles for unknown
addresses, so only known profiles are sent, in exactly the spelling used there: at once where
nothing is in doubt, else as a look-up finds them, and once more when the doubt has passed. An
address that another client who agreed to emails now holds is owed: it is suppressed when that
client leaves it, and forgotten when that client's own profile is confirmed there.
No code path here subscribes anybody or lifts a suppression.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import transaction
from django.db.models import Q

from clients.models import Client, same_address
from integrations.crash_points import reached
from integrations.klaviyo.api.client import CancelledError, Klaviyo
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.api.errors import FeatureForbiddenError, RejectedError
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import LOOKUP_BATCH, SPELLINGS_MAX, SUPPRESSION_BATCH
from integrations.klaviyo.models import ClientSync, SyncEvent
from integrations.klaviyo.outbox import completion, consumer, exposures, preflight, producer
from integrations.klaviyo.outbox.completion import Done
from integrations.klaviyo.outbox.exposures import Exposed
from integrations.klaviyo.reasons import Reason
from studios.tenancy import lock_studio_shared

What = SyncEvent.What


@dataclass(eq=False)
class OptOut:
    """One row whose client said no, and what is done about it."""

    row: ClientSync
    exposed: list[Exposed]
    found: list[Profile] = field(default_factory=list)  # by a look-up
    owed: set[str] = field(default_factory=set)  # addresses that another client holds now
    told: set[str] = field(default_factory=set)  # spellings that Klaviyo accepted
    bad: set[str] = field(default_factory=set)  # spellings that it can't read
    refused: Reason | None = None

    @property
    def current_address(self) -> str:
        client = self.row.client
        return client.address if client else same_address(self.row.last_address)

    @property
    def to_look_up(self) -> set[str]:
        """Spellings that may stand there, or not: what was never sent, and what is in doubt."""
        doubtful = {one.spelling for one in self.exposed if one.is_doubtful}
        if self.current_address in {"", *(one.address for one in self.exposed)}:
            return doubtful
        client = self.row.client
        typed = client.email if client else self.row.last_address
        return {*doubtful, typed.strip(), typed.strip().lower(), self.current_address}

    @property
    def untold(self) -> list[str]:
        """Spellings that stand there for sure, and are still to be suppressed."""
        sure = [one.spelling for one in self.exposed if one.is_sure and not one.is_held]
        found = [one.email for one in self.found if same_address(one.email) not in self.owed]
        return [one for one in dict.fromkeys(sure + found) if one not in self.told | self.bad]

    @property
    def leaving(self) -> set[str | None]:
        """Profiles that a push on its way moves elsewhere: their addresses may be empty by now."""
        return {one.profile_id for one in self.exposed if one.is_leaving}

    @property
    def cleared(self) -> list[Exposed]:
        """Exposures whose doubt had passed when they were looked at."""
        return [one for one in self.exposed if one.is_doubtful and not one.may_still_change]

    @property
    def gone(self) -> list[int]:
        """Those of them that the look-up didn't find: they never came to be."""
        there = {(same_address(profile.email), profile.id) for profile in self.found}
        return [one.pk for one in self.cleared if (one.address, one.profile_id) not in there]

    @property
    def again_s(self) -> float | None:
        """Seconds until the last doubt has passed, and all is looked up once more."""
        if self.leaving:
            return consumer.BUSY_S
        return max((one.doubt_s or 0 for one in self.exposed if one.may_still_change), default=None)

    @property
    def is_simple(self) -> bool:
        """True if nothing that is remembered of its exposures changes."""
        return not self.owed and not any(one.is_doubtful or one.is_owed for one in self.exposed)

    @property
    def outcome(self) -> Done:
        if self.refused or (self.bad and not self.told):
            return Done(self.row, self.refused or Reason.EMAIL_INVALID, What.REFUSED)
        if self.told:
            return Done(self.row, what=What.SUPPRESSED, again_s=self.again_s)
        is_nowhere = self.again_s is None and not self.owed
        return Done(self.row, what=What.NOT_FOUND if is_nowhere else "", again_s=self.again_s)


def suppress(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    """Tell Klaviyo of these opt-outs and complete their rows; first what needs no look-up. What was
    refused is looked up too: the owner's list has what stands there, and no doubt is forgotten."""
    opt_outs = with_exposures(rows)
    tell(opt_outs, api)
    settle([one for one in opt_outs if not one.to_look_up], api)
    waiting = [one for one in opt_outs if one.to_look_up]
    for start in range(0, len(waiting), LOOKUP_BATCH):
        chunk = waiting[start : start + LOOKUP_BATCH]
        look_up(chunk, api)
        reached("suppress: looked up")
        tell(chunk, api)
        settle(chunk, api)


def with_exposures(rows: Sequence[ClientSync]) -> list[OptOut]:
    exposed = exposures.of_rows(rows[0].studio, rows)
    opt_outs = [OptOut(row, exposed[row.pk]) for row in rows]
    for one in opt_outs:
        one.owed = {exposure.address for exposure in one.exposed if exposure.is_held}
    return opt_outs


# --- Looking up -----------------------------------------------------------------------------------


def look_up(opt_outs: Sequence[OptOut], api: Klaviyo) -> None:
    """Find which of their doubtful addresses stand there now. Refused for one bad address, it is
    halved until that is found: nothing can stand there under such an address."""
    spellings = sorted({spelling for one in opt_outs for spelling in one.to_look_up})
    rows = [one.row for one in opt_outs]
    if len(spellings) > SPELLINGS_MAX and len(opt_outs) > 1:
        in_halves(look_up, opt_outs, api)
        return
    try:
        profiles = api.find_profiles(spellings, partial(check, rows))
    except RejectedError:
        if len(opt_outs) == 1:
            opt_outs[0].bad |= opt_outs[0].to_look_up
            return
        in_halves(look_up, opt_outs, api)
    else:
        note_found(opt_outs, profiles)


def note_found(opt_outs: Sequence[OptOut], profiles: Sequence[Profile]) -> None:
    if not profiles:
        return
    by_address = {same_address(profile.email) for profile in profiles}
    holders = Client.objects.for_studio(opt_outs[0].row.studio).may_be_emailed()
    held = holders.holding(by_address).addresses()
    for one in opt_outs:
        wanted = {same_address(spelling) for spelling in one.to_look_up}
        staying = [profile for profile in profiles if profile.id not in one.leaving]
        one.found = [profile for profile in staying if same_address(profile.email) in wanted]
        one.owed |= {same_address(profile.email) for profile in one.found} & held
    exposures.found(
        opt_outs[0].row.connection_id,
        [(one.row, profile) for one in opt_outs for profile in one.found],
    )


# --- Suppressing ----------------------------------------------------------------------------------


def tell(opt_outs: Sequence[OptOut], api: Klaviyo) -> None:
    for batch in batches([one for one in opt_outs if one.untold and not one.refused]):
        tell_batch(batch, api)


def tell_batch(opt_outs: Sequence[OptOut], api: Klaviyo) -> None:
    """One call; a batch refused for one bad address is halved until it is found."""
    addresses = {one: one.untold for one in opt_outs}
    try:
        call(addresses, api)
    except FeatureForbiddenError:
        for one in opt_outs:
            one.refused = Reason.PERMISSION_MISSING
    except RejectedError:
        if len(opt_outs) == 1:
            tell_one_by_one(opt_outs[0], api)
        else:
            in_halves(tell_batch, opt_outs, api)
    else:
        for one, untold in addresses.items():
            one.told |= {*untold}


def tell_one_by_one(opt_out: OptOut, api: Klaviyo) -> None:
    """An address that was mistyped once must not keep its correction from being suppressed."""
    untold = opt_out.untold
    for address in untold:
        try:
            if len(untold) == 1:
                raise RejectedError([])  # it was refused just now
            call({opt_out: [address]}, api)
        except RejectedError:
            opt_out.bad.add(address)
        else:
            opt_out.told.add(address)


def call(addresses: Mapping[OptOut, Sequence[str]], api: Klaviyo) -> None:
    rows = [one.row for one in addresses]
    told = [(one.row, address) for one, untold in addresses.items() for address in untold]
    api.suppress([address for _, address in told], partial(check, rows, told))
    reached("suppress: accepted")


def check(rows: Sequence[ClientSync], told: Sequence[tuple[ClientSync, str]] = ()) -> None:
    """Right before a request leaves: raises `CancelledError` if a lease or the connection no longer
    carries it, if somebody agreed meanwhile whom it would hit, or if a profile is moving away."""
    if not preflight.still_opted_out(rows, told):
        raise CancelledError


# --- Settling -------------------------------------------------------------------------------------


def settle(opt_outs: Sequence[OptOut], api: Klaviyo) -> None:
    """Complete these rows, and note on their clients' timelines what Klaviyo was told."""
    simple = [one for one in opt_outs if one.is_simple and not one.refused]
    complete(simple)
    others = [one for one in opt_outs if one not in simple]
    if others:
        settle_together(others, api)


@transaction.atomic
def settle_together(opt_outs: Sequence[OptOut], api: Klaviyo) -> None:
    """Those that need a second look under locks: an address may have lost its holder meanwhile, and
    a permission that is missing may have been given while we were refused."""
    # A second consent takes the same lock: it is over by now, or finds our rows.
    lock_studio_shared(api.connection.studio_id)
    completion.hold_connection(api.connection.pk)
    held = lock_clients(opt_outs)
    is_same = lifecycle.same_grant(api.connection).exists()
    settled = [one for one in opt_outs if one.owed <= held and (is_same or not one.refused)]
    for one in opt_outs:
        if one not in settled:
            consumer.release(one.row)
    exposures.settle(
        [one.row for one in settled],
        cleared=[one.pk for opt_out in settled for one in opt_out.cleared],
        gone=[pk for one in settled for pk in one.gone],
        owed=[(one.row.pk, address) for one in settled for address in one.owed],
    )
    complete(settled)
    reached("suppress: settled")


def lock_clients(opt_outs: Sequence[OptOut]) -> set[str]:
    """Lock the rows' clients and those who hold what is owed; the addresses that these hold."""
    studio = opt_outs[0].row.studio
    mine = Q(pk__in=[one.row.client_id for one in opt_outs if one.row.client_id])
    owed = {address for one in opt_outs for address in one.owed}
    holders = Client.objects.for_studio(studio).may_be_emailed().holding(owed)
    clients = Client.objects.for_studio(studio).filter(mine | Q(pk__in=holders.values("pk")))
    list(clients.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
    return holders.addresses()


def complete(opt_outs: Sequence[OptOut]) -> None:
    """Of clients who were deleted, and for whom nobody can do more, the addresses are forgotten."""
    done = completion.complete([one.outcome for one in opt_outs])
    over = [one.row.pk for one in opt_outs if not (one.refused or one.owed)]
    gone = [pk for pk in over if done.get(pk)]
    if gone:
        producer.forget(ClientSync.objects.settled().filter(pk__in=gone, client=None))


def in_halves(
    work: Callable[[Sequence[OptOut], Klaviyo], None], opt_outs: Sequence[OptOut], api: Klaviyo
) -> None:
    middle = len(opt_outs) // 2
    work(opt_outs[:middle], api)
    work(opt_outs[middle:], api)


def batches(opt_outs: Sequence[OptOut]) -> Iterator[list[OptOut]]:
    """Runs whose addresses fit into one call."""
    batch: list[OptOut] = []
    size = 0
    for one in opt_outs:
        count = len(one.untold)
        if batch and size + count > SUPPRESSION_BATCH:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += count
    if batch:
        yield batch
