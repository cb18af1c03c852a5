"""The emails of a demo, as a person reads them beside the sandbox."""

from pathlib import Path

from django.core.mail import get_connection
from django.core.mail.message import EmailMessage

from dev.klaviyo_sandbox import mails
from dev.klaviyo_sandbox.app import create_app
from dev.klaviyo_sandbox.settings import Settings


def send(folder: Path, *subjects: str, text: str = "Hello.") -> None:
    backend = "django.core.mail.backends.filebased.EmailBackend"
    with get_connection(backend, file_path=str(folder)) as files:
        for subject in subjects:
            files.send_messages(
                [EmailMessage(subject, text, "Lotus <a@b.example>", ["ana@b.example"])]
            )


def test_the_newest_comes_first_and_its_link_can_be_followed(tmp_path: Path) -> None:
    send(tmp_path, "Welcome", "Grüße")
    send(tmp_path, "Third", text="Stop: http://localhost:8000/unsubscribe/x/ <b>now</b>")

    page = create_app(Settings(), mails=tmp_path).test_client().get("/mails").text

    assert [mail.subject for mail in mails.latest(tmp_path)] == ["Third", "Grüße", "Welcome"]
    assert '<a href="http://localhost:8000/unsubscribe/x/"' in page
    assert "<b>" not in page


def test_there_is_no_such_page_where_no_folder_is_known(tmp_path: Path) -> None:
    assert create_app(Settings()).test_client().get("/mails").status_code == 404
    assert "None yet" in create_app(Settings(), mails=tmp_path).test_client().get("/mails").text
