"""What the command line does to accounts, at the machine itself."""

from chalicelib.accounts import platform
from chalicelib.settings import Settings
from chalicelib.wiring import connect


def grant_platform(settings: Settings, email: str) -> None:
    """Raises NotFound."""
    platform.grant(connect(settings), email)


def withdraw_platform(settings: Settings, email: str) -> None:
    """Raises NotFound."""
    platform.withdraw(connect(settings), email)
