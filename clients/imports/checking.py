"""The dry run: every row of the file is read, cleaned and planned; no client is touched.

What is checked stays checked: whoever goes on after a kill reads the file anew and skips it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

from django.db import transaction

from clients.csv.reading import Reading, rows
from clients.imports import uploads
from clients.imports.cleaning import Cleaned, Refusal, clean
from clients.imports.mapping import NO, ColumnMapping
from clients.imports.planning import Outcome, Present, plan
from clients.models import Run, RunRow, bulk
from clients.runs.counting import Counts

AT_ONCE = 500  # rows in a transaction


def check(run: Run) -> Iterator[None]:
    """Check the rest of the file; hands over after each commit. Ends where somebody else goes on,
    or the run was stopped."""
    mapping = ColumnMapping.from_json(run.mapping)
    read = rows(uploads.chunks_of(run), Reading.from_json(run.reading))
    position = run.done_rows
    read = islice(read, position, None)
    while some := [clean(row, mapping, run.studio.country) for row in islice(read, AT_ONCE)]:
        with transaction.atomic():
            locked = still_checked(run, position)
            if locked is None:
                return
            check_some(locked, some)
            position += len(some)
            locked.move(done_rows=position)
        yield
    with transaction.atomic():
        if locked := still_checked(run, position):
            counts = Counts.of(locked).to_json()
            locked.move(state=Run.State.CHECKED, total_rows=position, counts=counts)


def still_checked(run: Run, position: int) -> Run | None:
    """The run, locked, if it is still to be checked from here on, with these columns."""
    locked = Run.objects.at(run, Run.State.CHECKING, position)
    return locked if locked and locked.mapping == run.mapping else None


def check_some(run: Run, cleaned: Sequence[Cleaned]) -> None:
    """Write down what these rows say, and what is to become of them."""
    seen = Seen.before(run, cleaned)
    new = [seen.take(run, one) for one in cleaned]
    changed = seen.corrected(new)
    present = Present.around(run.studio, [*new, *changed])
    for row in (*new, *changed):
        planned = plan(row, present)
        row.outcome, row.consent = planned.outcome, planned.consent
    RunRow.objects.bulk_create(new)
    bulk.write(changed, ["values", "outcome", "consent"])


@dataclass
class Seen:
    """Who stood in the file before: the first row of each person counts, and any no."""

    rows: dict[str, RunRow]  # the one that counts, by the person's key
    noes: set[str] = field(default_factory=set)

    @classmethod
    def before(cls, run: Run, cleaned: Iterable[Cleaned]) -> Self:
        keys = {one.key for one in cleaned} - {""}
        seen = cls({})
        for row in run.rows.filter(key__in=keys).order_by("line"):
            seen.note(row)
        return seen

    def note(self, row: RunRow) -> None:
        if row.says == NO:
            self.noes.add(row.key)
        if row.outcome != Outcome.REFUSED:
            self.rows.setdefault(row.key, row)

    def take(self, run: Run, one: Cleaned) -> RunRow:
        first = self.rows.get(one.key)
        refusal, about = one.refusal, ""
        if first and not refusal:
            refusal, about = Refusal.REPEATED.value, str(first.line)
        row = RunRow(
            run=run,
            line=one.line,
            values={**one.details, "says": one.says},
            key=one.key,
            outcome=Outcome.REFUSED if refusal else Outcome.NEW,
            reason=refusal,
            reason_about=about,
            cells=list(one.cells) if refusal else None,
        )
        if row.key:
            self.note(row)
        return row

    def corrected(self, new: Sequence[RunRow]) -> Sequence[RunRow]:
        """Rows of people of whom another row says no: so do they. Those from before, which have to
        be saved again."""
        for row in new:
            if row.key in self.noes:
                row.values["says"] = NO
        earlier = [row for key, row in self.rows.items() if key in self.noes and row.pk]
        corrected = [row for row in earlier if row.says != NO]
        for row in corrected:
            row.values["says"] = NO
        return corrected
