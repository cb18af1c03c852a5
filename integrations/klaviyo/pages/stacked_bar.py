"""A studio's four numbers as parts of one bar, for an SVG."""

from dataclasses import dataclass

from integrations.klaviyo.pages.status import ClientStatus, Numbers

WIDTH = 1000  # of the drawing; the page gives it the width it has
NARROWEST = 20  # so that one of a thousand is seen, on a phone as well

TONES = {
    ClientStatus.ATTENTION: "attention",
    ClientStatus.NOT_SENT: "quiet",
    ClientStatus.IN_KLAVIYO: "good",
    ClientStatus.WAITING: "moving",
}


@dataclass(frozen=True)
class Part:
    tone: str
    x: int
    width: int


def parts_of(numbers: Numbers) -> list[Part]:
    """In the counters' order, side by side over the whole width; who is nobody has no part."""
    found = [(tone, getattr(numbers, one.value)) for one, tone in TONES.items()]
    counted = [(tone, number) for tone, number in found if number]
    spare = WIDTH - NARROWEST * len(counted)
    parts, x, seen = [], 0, 0
    for place, (tone, number) in enumerate(counted, 1):
        seen += number
        end = NARROWEST * place + spare * seen // numbers.total
        parts.append(Part(tone, x, end - x))
        x = end
    return parts
