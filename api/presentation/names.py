"""What is shown of a person: the name in two parts or in one, the photo, the WordPress user."""

from hashlib import sha256


def split_full_name(full_name: str) -> tuple[str, str]:
    """At the last blank: "Mary Jane Watson" is "Mary Jane", "Watson". One word is a first name."""
    first, *last = full_name.strip().rsplit(maxsplit=1)
    return first, last[0] if last else ""


def photo_url(email: str) -> str:
    """The gravatar, 100 pixels wide, or a silhouette (`d=mm`) when there is none fit for all (`r=g`)."""
    digest = sha256(email.strip().lower().encode()).hexdigest()
    return f"https://secure.gravatar.com/avatar/{digest}?s=100&d=mm&r=g"


def user_link(store_url: str, user_id: int | None) -> str:
    return f"{store_url}/wp-admin/user-edit.php?user_id={user_id}" if user_id else ""
