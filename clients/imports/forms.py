"""The two forms of an import: the file, and what its columns and words mean."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField

from clients.csv.reading import Row
from clients.imports import mapping
from clients.imports.headers import ABOUT_CONSENT, LABELS, Target
from clients.imports.mapping import ANYTHING_ELSE, NO, NOTHING, YES, ColumnMapping

EXAMPLES = 3
EXAMPLE_LENGTH = 40
TARGETS = [("", "Leave out"), *((target.value, label) for target, label in LABELS.items())]
MEANINGS = {
    Target.AGREED: [(NOTHING, "Says nothing"), (YES, "Agreed to emails"), (NO, "Opted out")],
    Target.UNSUBSCRIBED: [(NOTHING, "Says nothing"), (NO, "Opted out")],
}
KNOWN_BY = {Target.FIRST_NAME, Target.LAST_NAME, Target.FULL_NAME, Target.EMAIL, Target.PHONE}


class UploadForm(forms.Form):
    file = forms.FileField(
        label="Your list",
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,.xlsx"}),
        help_text="A CSV or Excel file (.xlsx) with a row per client, up to 200 MB.",
        error_messages={"empty": "There is nothing in this file."},
    )


class ColumnsForm(forms.Form):
    """A field for each column; for those about consent one for each of their words."""

    def __init__(
        self,
        data: Any = None,
        *,
        names: Sequence[str],
        sample: Sequence[Row],
        proposal: ColumnMapping,
    ) -> None:
        super().__init__(data)
        self.names = names
        self.sample = sample
        for column, (name, target) in enumerate(zip(names, proposal.targets, strict=True)):
            self.fields[name_of(column)] = forms.ChoiceField(
                label=name or f"Column {column + 1}",
                choices=TARGETS,
                initial=target,
                required=False,
            )
        self.words = dict(self._words(proposal))
        for column in self.words:
            self._ask(column, proposal)

    def _words(self, proposal: ColumnMapping) -> Iterator[tuple[int, Sequence[str]]]:
        for column, _ in enumerate(self.names):
            if self._target(column) in ABOUT_CONSENT:
                yield column, mapping.words_in(self.sample, column)

    def _target(self, column: int) -> str:
        field = self.fields[name_of(column)]
        chosen = self.data.get(name_of(column), "") if self.is_bound else field.initial
        return str(chosen)

    def _ask(self, column: int, proposal: ColumnMapping) -> None:
        target = Target(self._target(column))
        known = proposal.meanings.get(str(column), {})
        for number, word in enumerate([*self.words[column], ANYTHING_ELSE]):
            likely = mapping.likely_meaning(target, word)
            self.fields[name_of(column, target, number)] = forms.ChoiceField(
                label="Anything else" if word == ANYTHING_ELSE else f"“{word}”",
                choices=MEANINGS[target],
                initial=known.get(word, likely),
                required=False,
            )

    @property
    def columns(self) -> Sequence[tuple[BoundField, Sequence[str]]]:
        """Each with what its first rows hold."""
        return [
            (self[name_of(column)], self._examples(column)) for column, _ in enumerate(self.names)
        ]

    def _examples(self, column: int) -> Sequence[str]:
        cells = (row.cells[column] for row in self.sample if column < len(row.cells))
        return list(dict.fromkeys(cell[:EXAMPLE_LENGTH] for cell in cells if cell))[:EXAMPLES]

    @property
    def questions(self) -> Sequence[tuple[str, Sequence[BoundField]]]:
        """For each column about consent the words to be explained."""
        return [
            (str(self.fields[name_of(column)].label), self._asked(column)) for column in self.words
        ]

    def _asked(self, column: int) -> Sequence[BoundField]:
        target = self._target(column)
        numbers = range(len(self.words[column]) + 1)
        return [self[name_of(column, target, number)] for number in numbers]

    @property
    def is_answered(self) -> bool:
        """True if each word was asked about when this was sent."""
        return all(field.html_name in self.data for _, asked in self.questions for field in asked)

    def clean(self) -> dict[str, Any]:
        chosen = {self.cleaned_data.get(name_of(column)) for column, _ in enumerate(self.names)}
        if not chosen & KNOWN_BY:
            raise ValidationError("Say which column holds the names, email addresses or numbers.")
        return self.cleaned_data

    @property
    def mapping(self) -> ColumnMapping:
        targets = [self.cleaned_data[name_of(column)] for column, _ in enumerate(self.names)]
        meanings = {
            str(column): {
                word: self.cleaned_data[name_of(column, targets[column], number)]
                for number, word in enumerate([*words, ANYTHING_ELSE])
            }
            for column, words in self.words.items()
        }
        return ColumnMapping(targets, meanings)


def name_of(column: int, target: str = "", number: int = 0) -> str:
    """Of a column's field, or of the one for a word in it: a word's follows what the column is."""
    return f"{target}_{column}_{number}" if target else f"column_{column}"
