"""Looking at a page as it is: pictures of it, axe, and whether it fits a narrow screen."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from junocal.settings import ROOT

PICTURES = ROOT / "screenshots"
WIDTHS = (1280, 820, 390)
SCHEMES = ("light", "dark")
NARROW = 320  # 1,280 px at 400 %
HEIGHT = 800

Complaints = list[str]


def look(tab: Page, name: str) -> Complaints:
    """Take this page's picture at each width, light and dark; what is wrong with it."""
    wrong: Complaints = []
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": HEIGHT})
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            tab.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
            if (width, scheme) in ((1280, "light"), (390, "dark")):
                wrong += [f"{name} {width} {scheme}: {each}" for each in axe(tab)]
    wrong += [f"{name}: {each}" for each in zoomed(tab)]
    tab.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    tab.emulate_media(color_scheme="light")
    return wrong


def axe(tab: Page) -> Complaints:
    found = Axe().run(tab).response["violations"]
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def zoomed(tab: Page) -> Complaints:
    """At 400 %, and on a phone with text at 200 %, nothing is to be scrolled sideways."""
    as_usual = overflow(tab, NARROW)
    tab.evaluate("document.documentElement.style.fontSize = '200%'")
    large = [f"with large text {each}" for each in overflow(tab, WIDTHS[-1])]
    tab.evaluate("document.documentElement.style.fontSize = ''")
    return as_usual + large


def overflow(tab: Page, width: int) -> Complaints:
    tab.set_viewport_size({"width": width, "height": HEIGHT})
    is_wide = tab.evaluate("document.documentElement.scrollWidth")
    return [f"is {is_wide} px wide on a screen of {width} px"] if is_wide > width else []


FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary"
MARK = """selector => {
  const all = [...document.querySelectorAll(selector)];
  const groups = new Set();  // Tab stops once at a group of radios; arrows go on in it
  const isRepeated = one => one.type === "radio" && groups.size === groups.add(one.name).size;
  const seen = all.filter(one => one.checkVisibility() && !one.disabled && !isRepeated(one));
  seen.forEach((one, number) => one.dataset.tabWalk = number);
  document.activeElement?.blur?.();
  return seen.map(one => (one.innerText || one.name || one.href || one.tagName).trim());
}"""
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const box = one.getBoundingClientRect();
  const onScreen = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  const marked = outlined || style.boxShadow !== "none";
  const marks = [...document.querySelectorAll("[data-tab-walk]")];
  const group = marks.find(each => each.type === "radio" && each.name === one.name);
  return {number: (group ?? one).dataset.tabWalk ?? null, seen: onScreen && marked};
}"""


def tab_walk(tab: Page) -> Complaints:
    """Press Tab through the page: what is not reached, and what is reached unseen."""
    names: list[str] = tab.evaluate(MARK, FOCUSABLE)
    reached: set[int] = set()
    wrong: Complaints = []
    for _ in range(len(names) + 3):
        tab.keyboard.press("Tab")
        focused = tab.evaluate(FOCUSED)
        if focused["number"] is None:
            continue
        number = int(focused["number"])
        reached.add(number)
        if not focused["seen"]:
            wrong.append(f"{names[number]!r} has the focus and does not show it")
    missed = [names[number] for number in range(len(names)) if number not in reached]
    return wrong + [f"{name!r} is not reached by Tab" for name in missed]
