"""The ways in which a client's consent changes."""

from django.db import models


class ConsentSource(models.TextChoices):
    """The way in which a client's yes or no reached us."""

    STAFF = "staff", "at the desk"
    FOOTER = "footer", "by the link in an email"
    ONE_CLICK = "one_click", "by their mail program"
    IMPORT = "import", "by an import"
    UNDO = "undo", "as something was taken back"
    ADMIN = "admin", "by an administrator"
    REMEMBERED = "remembered", "because this address opted out before"

    @property
    def is_a_click(self) -> bool:
        """True if it came out of an email: whoever reads that mailbox said it."""
        return self in (ConsentSource.FOOTER, ConsentSource.ONE_CLICK)
