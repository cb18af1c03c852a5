"""What the columns of a list mean, and the words in those about consent: as a person said.

A word means yes only where somebody said so of that word. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from clients.csv.reading import Row
from clients.imports import headers
from clients.imports.headers import ABOUT_CONSENT, Target

WORDS_SHOWN = 12  # of one column; the others are "anything else"
ANYTHING_ELSE = "*"

YES = "yes"
NO = "no"
NOTHING = ""
# In a column about agreeing these are a recorded no; a mere "no" there is nobody's withdrawal.
OPTED_OUT_WORDS = {
    "unsubscribed",
    "unsubscribe",
    "opted out",
    "opt out",
    "opted-out",
    "opt-out",
    "optout",
    "abgemeldet",
    "widerrufen",
    "désinscrit",
    "desinscrit",
    "baja",
    "disiscritto",
    "suppressed",
}
# In a column about unsubscribing these say that nobody did.
NOT_UNSUBSCRIBED_WORDS = {"no", "n", "false", "0", "nein", "non", "não", "nee", "nej", "-", "[]"}


@dataclass(frozen=True)
class ColumnMapping:
    """For each column its target, or blank; and for those about consent what each word means."""

    targets: Sequence[str] = ()
    meanings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by column, then word

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(**kept)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_complete(self) -> bool:
        """True if every word of the columns about consent was asked about."""
        return all(str(column) in self.meanings for column in self.about_consent)

    @property
    def about_consent(self) -> Sequence[int]:
        return [column for column, target in enumerate(self.targets) if target in ABOUT_CONSENT]

    @property
    def hears_no_yes(self) -> bool:
        """True if there are columns about consent, and none of their words means yes."""
        means_yes = any(YES in words.values() for words in self.meanings.values())
        return bool(self.about_consent) and not means_yes

    def first_of(self, target: Target, cells: Sequence[str]) -> str:
        """What the row says of this; of several columns the first that says anything."""
        said = (cell for cell, its in zip(cells, self.targets, strict=False) if its == target)
        return next(filter(None, said), "")

    def says(self, cells: Sequence[str]) -> str:
        """`YES`, `NO` or `NOTHING` to emails; one no outweighs every yes."""
        meanings = [
            self.meaning(column, cells[column])
            for column in self.about_consent
            if column < len(cells)
        ]
        return NO if NO in meanings else YES if YES in meanings else NOTHING

    def meaning(self, column: int, cell: str) -> str:
        word = word_of(cell)
        meanings = self.meanings.get(str(column), {})
        return meanings.get(word, meanings.get(ANYTHING_ELSE, NOTHING)) if word else NOTHING


def word_of(cell: str) -> str:
    return " ".join(cell.lower().split())


def words_in(rows: Iterable[Row], column: int) -> Sequence[str]:
    """The commonest words of this column, the commonest first."""
    words = Counter(word_of(row.cells[column]) for row in rows if column < len(row.cells))
    del words[""]
    return [word for word, _ in words.most_common(WORDS_SHOWN)]


def likely_meaning(target: str, word: str) -> str:
    """What is proposed for a word: a yes never is."""
    if target == Target.UNSUBSCRIBED:
        return NOTHING if word in NOT_UNSUBSCRIBED_WORDS else NO
    return NO if word in OPTED_OUT_WORDS else NOTHING


def proposed(
    names: Sequence[str], remembered: "ColumnMapping", their_names: Sequence[str]
) -> ColumnMapping:
    """For columns with these names: as this studio said of the same names, else by their words."""
    by_name = dict(zip(their_names, remembered.targets, strict=False))
    if by_name and set(names) <= by_name.keys():
        targets = [by_name[name] for name in names]
    else:
        likely = {column: target for target, column in headers.guessed(names).items()}
        targets = [likely.get(column, "") for column, _ in enumerate(names)]
    meanings = {
        str(column): remembered.meanings[str(theirs)]
        for column, name in enumerate(names)
        for theirs in [list(their_names).index(name) if name in their_names else -1]
        if str(theirs) in remembered.meanings
    }
    return ColumnMapping(targets, meanings)
