import pytest

from api.presentation.users import photo_url, user_link
from service.fields.customer import split_full_name


@pytest.mark.parametrize(
    ("full_name", "parts"),
    [
        ("Mary Jane Watson", ("Mary Jane", "Watson")),
        ("  Mary   Jane  Watson ", ("Mary   Jane", "Watson")),
        ("John Doe", ("John", "Doe")),
        ("Cher", ("Cher", "")),
        ("123", ("123", "")),
    ],
)
def test_a_full_name_splits_at_the_last_blank(full_name: str, parts: tuple[str, str]) -> None:
    assert split_full_name(full_name) == parts


@pytest.mark.parametrize("email", ["john.doe@example.com", " John.Doe@Example.com "])
def test_a_photo_is_found_by_the_lower_case_email(email: str) -> None:
    digest = "836f82db99121b3481011f16b49dfa5fbc714a0d1b1b9f784a1ebbbf5b39577f"
    assert photo_url(email) == f"https://secure.gravatar.com/avatar/{digest}?s=100&d=mm&r=g"


def test_a_user_has_a_page_in_the_store() -> None:
    assert user_link("https://store.example", 4) == "https://store.example/wp-admin/user-edit.php?user_id=4"


def test_no_user_has_no_page() -> None:
    assert user_link("https://store.example", None) == ""
