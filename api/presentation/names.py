"""The photo of a person, and the page of its WordPress user."""

from hashlib import sha256


def photo_url(email: str) -> str:
    """The gravatar, 100 pixels wide, or a silhouette (`d=mm`) when there is none fit for all (`r=g`)."""
    digest = sha256(email.strip().lower().encode()).hexdigest()
    return f"https://secure.gravatar.com/avatar/{digest}?s=100&d=mm&r=g"


def user_link(store_url: str, user_id: int | None) -> str:
    return f"{store_url}/wp-admin/user-edit.php?user_id={user_id}" if user_id else ""
