"""What a demo says when it is up: where to go and who to be."""

from pathlib import Path

from dev.demo.environment import Addresses

WELCOME = """
Junocal is running.

  Junocal          {web}
  Klaviyo sandbox  {sandbox}

  Sign in as       Olive, the owner           olive@lotus.example
                   Fay, at the front desk     fay@lotus.example
                   Ian, an instructor         ian@lotus.example
                   Stan, of another studio    stan@stans-pilates.example
  Password         {password}

  Emails it sent   {sandbox}/mails
  Logs are in      {folder}

Ctrl-C stops everything.
"""


def welcome(folder: Path, at: Addresses, password: str) -> str:
    return WELCOME.format(web=at.web, sandbox=at.sandbox, password=password, folder=folder)
