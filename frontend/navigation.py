"""What the pages of an organisation are, and who is shown the way to them."""

from dataclasses import dataclass

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, may


@dataclass(frozen=True, slots=True)
class Tab:
    path: str
    word: str
    permission: Permission


ORGANISATION = (
    Tab("/members", "Members", Permission.MEMBERS_READ),
    Tab("/organisation", "Settings", Permission.TENANT_READ),
    Tab("/structure", "Structure", Permission.UNITS_READ),
    Tab("/limits", "Limits", Permission.LIMITS_READ),
    Tab("/channels", "Notifications", Permission.NOTIFICATIONS_READ),
    Tab("/webhook", "Webhook", Permission.WEBHOOK_READ),
    Tab("/audit", "Audit", Permission.AUDIT_READ),
)


def tabs_of(caller: Caller | None) -> list[Tab]:
    return [each for each in ORGANISATION if caller and may(caller, each.permission)]
