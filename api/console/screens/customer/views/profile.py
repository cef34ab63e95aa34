"""The fields of a customer's form, and what they hold."""

from api.presentation.values import Row

LABELS = {
    "full_name": "Name", "first_name": "First name", "last_name": "Last name", "email": "Email", "status": "Status",
    "country": "Country", "state": "State", "city": "City", "postcode": "Postcode", "notes": "Notes",
}  # fmt: skip
# Those of the names that a store with this mode does not read.
NOT_READ = {"first_name": {"full_name"}, "full_name": {"first_name", "last_name"}}


def values_of(row: Row) -> dict[str, str]:
    """What the fields hold for a customer."""
    return {name: full_name(row) if name == "full_name" else row[name] or "" for name in LABELS}


def full_name(row: Row) -> str:
    return f"{row['first_name']} {row['last_name']}".strip()
