"""A studio's four numbers as parts of one bar, for an SVG."""

from dataclasses import dataclass

from integrations.klaviyo.pages.status import ClientStatus, Numbers

WIDTH = 1000  # of the drawing; the page gives it the width it has
NARROWEST = 8  # so that one of a thousand is seen

TONES = {
    ClientStatus.ATTENTION: "attention",
    ClientStatus.NOT_SENT: "quiet",
    ClientStatus.IN_KLAVIYO: "good",
    ClientStatus.WAITING: "moving",
}


@dataclass(frozen=True)
class Part:
    status: ClientStatus
    number: int
    x: int
    width: int

    @property
    def tone(self) -> str:
        return TONES[self.status]


def parts_of(numbers: Numbers) -> list[Part]:
    """In the counters' order, side by side over the whole width; who is nobody has no part."""
    counted = [(one, getattr(numbers, one.value)) for one in TONES]
    counted = [(one, number) for one, number in counted if number]
    spare = WIDTH - NARROWEST * len(counted)
    parts, x, seen = [], 0, 0
    for place, (one, number) in enumerate(counted, 1):
        seen += number
        end = NARROWEST * place + spare * seen // numbers.total
        parts.append(Part(one, number, x, end - x))
        x = end
    return parts
