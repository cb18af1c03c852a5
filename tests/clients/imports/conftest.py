"""Fay's imports: a list uploaded, its columns matched, run and maybe taken back."""

from collections.abc import Mapping

import pytest
from django.core.files.base import ContentFile

from clients.imports import uploads
from clients.imports.mapping import ColumnMapping, proposed
from clients.models import Run
from clients.runs import control, runner
from clients.runs.counting import Counts
from studios.models import Studio, User

Say = Mapping[str, Mapping[str, str]]  # what words mean, by the name of their column


class Importer:
    """Somebody of a studio with a list."""

    def __init__(self, studio: Studio, by: User) -> None:
        self.studio = studio
        self.by = by

    def upload(self, content: str | bytes, name: str = "list.csv") -> Run:
        content = content.encode() if isinstance(content, str) else content
        return uploads.keep(self.studio, ContentFile(content, name=name), by=self.by)

    def check(self, content: str | bytes, words: Say | None = None) -> Run:
        run = self.upload(content)
        names = run.reading["headers"]
        targets = proposed(names, ColumnMapping(), []).targets
        meanings = {str(names.index(name)): said for name, said in (words or {}).items()}
        control.map_columns(run, ColumnMapping(targets, meanings))
        runner.run_all()
        run.refresh_from_db()
        return run

    def run(self, content: str | bytes, words: Say | None = None) -> Run:
        return self.start(self.check(content, words))

    def start(self, run: Run) -> Run:
        control.start(run, owner_says=str(Counts.kept_by(run).newly_said))
        runner.run_all()
        run.refresh_from_db()
        return run

    def undo(self, run: Run) -> Run:
        control.undo(run)
        runner.run_all()
        run.refresh_from_db()
        return run


@pytest.fixture
def fays_list(lotus: Studio, fay: User) -> Importer:
    return Importer(lotus, fay)


def outcomes(run: Run) -> tuple[int, int, int, int]:
    """New, changed, unchanged, refused."""
    counts = Counts.kept_by(run)
    return counts.new, counts.changed, counts.unchanged, counts.refused
