"""What a tenant has used: `usage#<tenant>` holds `storage` and `month#2026-11`."""

from datetime import datetime

from chalicelib.documents import Key


def partition(tenant_id: str) -> str:
    return f"usage#{tenant_id}"


def storage_key(tenant_id: str) -> Key:
    return Key(partition(tenant_id), "storage")


def month_key(tenant_id: str, now: datetime) -> Key:
    return Key(partition(tenant_id), f"month#{month_of(now)}")


def month_of(now: datetime) -> str:
    """As `2026-11`."""
    return now.strftime("%Y-%m")
