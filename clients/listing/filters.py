"""The list's filters as chips: links, each with how many it would leave of what is searched for."""

from collections.abc import Sequence
from dataclasses import dataclass

from clients.extensions import FilterOption, Seen
from clients.listing.asked import Asked
from clients.listing.tally import Consent, Tally
from studios.models import Studio

ALL = FilterOption("", "All")


@dataclass(frozen=True)
class FilterLink:
    label: str
    count: int | None  # none where there are too many to be counted
    is_chosen: bool
    url: str


@dataclass(frozen=True)
class Filter:
    key: str
    label: str
    links: Sequence[FilterLink]


def filters_of(
    studio: Studio, asked: Asked, tally: Tally | None, services: Sequence[Seen]
) -> Sequence[Filter]:
    options: dict[tuple[str, str], Sequence[FilterOption]] = {
        ("consent", "Consent"): [FilterOption(one.value, one.label) for one in Consent],
    }
    options |= {(one.key, one.label): one.options for one in services}

    def link(key: str, option: FilterOption) -> FilterLink:
        then = asked.filtered(key, option.key)
        return FilterLink(
            label=option.label,
            count=tally.count(then.chosen) if tally else None,
            is_chosen=option.key == asked.chosen.get(key, ""),
            url=then.url(studio),
        )

    return [
        Filter(key, label, [link(key, option) for option in (ALL, *found)])
        for (key, label), found in options.items()
        if found
    ]
