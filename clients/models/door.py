"""The doors by which consent comes in and goes."""

from django.db import models


class Door(models.TextChoices):
    """By which way consent last changed."""

    STAFF = "staff", "at the desk"
    FOOTER = "footer", "by the link in an email"
    ONE_CLICK = "one_click", "by their mail program"
    IMPORT = "import", "by an import"
    ADMIN = "admin", "by an administrator"
    REMEMBERED = "remembered", "because this address opted out before"
