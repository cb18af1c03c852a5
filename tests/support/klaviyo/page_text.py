"""Pages as people read them."""

import re

from django.test import Client as Browser

LIST = "/s/lotus/clients/"


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def see(browser: Browser, url: str = LIST) -> str:
    return words(browser.get(url).content.decode())
