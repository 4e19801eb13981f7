"""What the pages of an organisation are, and who is shown the way to them."""

from dataclasses import dataclass

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, may


@dataclass(frozen=True, slots=True)
class Tab:
    path: str
    word: str
    permission: Permission


ORGANISATION = (Tab("/members", "Members", Permission.MEMBERS_READ),)


def tabs_of(caller: Caller | None) -> list[Tab]:
    return [each for each in ORGANISATION if caller and may(caller, each.permission)]
