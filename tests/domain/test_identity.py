"""Which spellings are one mailbox, one login, one label, and which are not, although they look or sound alike."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import identity
from tests.forms import forms

ONE_MAILBOX = [
    ("Ann@Example.COM", "ann@example.com"),
    ("jose\u0301@shop.example", "jos\u00e9@shop.example"),  # NFD and NFC
    ("JOS\u00c9@shop.example", "jose\u0301@shop.example"),
    ("김민준@shop.example", "김민준@shop.example"),
    ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
    ("ann@MÜNCHEN.example", "ann@XN--MNCHEN-3YA.EXAMPLE"),
    ("ann@mu\u0308nchen.example", "ann@xn--mnchen-3ya.example"),
    ("ann@straße.example", "ann@xn--strae-oqa.example"),
    ("ann@shop\u3002example", "ann@shop.example"),  # full stops of China and Japan
    ("ann@shop\uff0eexample", "ann@shop.example"),
    ("ann@shop\uff61example", "ann@shop.example"),
    ("ann@ｓｈｏｐ.example", "ann@shop.example"),
    ("ann@ﬁrma.example", "ann@firma.example"),
    ("ann@пример.example", "ann@xn--e1afmkfd.example"),
    ("иван@ПРИМЕР.example", "ИВАН@пример.example"),
    ("ΝΊΚΟΣ.ΠΑΠΠΆΣ@shop.example", "νίκος.παππάς@shop.example"),  # Σ is ς at a word's end
    ("ΟΔΟΣ@shop.example", "οδος@shop.example"),
    ("ΟΔΟΣ1@shop.example", "οδος1@shop.example"),  # a digit ends no word for lower(), and yet
    ("ΟΔΟΣ1@shop.example", "οδοσ1@shop.example"),
    ("ΟΔΟΣ_Β@shop.example", "οδος_β@shop.example"),
    ("\u1e9e@shop.example", "ß@shop.example"),  # the capital ß is a letter's other case
    ("\u212aim@shop.example", "kim@shop.example"),  # the sign for kelvin, which NFC makes a K
]
TWO_MAILBOXES = [
    ("moß@shop.example", "moss@shop.example"),
    ("ann@straße.example", "ann@strasse.example"),
    ("ann@faß.example", "ann@fass.example"),
    ("gri\ufb03n@shop.example", "griffin@shop.example"),
    ("josé@shop.example", "jose@shop.example"),
    ("søren@shop.example", "soren@shop.example"),
    ("ａｎｎ@shop.example", "ann@shop.example"),  # full width in front of the @ is kept apart
    ("ann²@shop.example", "ann2@shop.example"),
    ("ışıl@shop.example", "isil@shop.example"),
    ("\u0130dil@shop.example", "idil@shop.example"),
    ("аnn@shop.example", "ann@shop.example"),  # its first letter is Cyrillic
    ("ann.roe@shop.example", "annroe@shop.example"),
    ("ann+1@shop.example", "ann@shop.example"),
    ("ann@ο\u03b4ος.example", "ann@ο\u03b4οσ.example"),  # a domain has its own final ς
    ("がく@shop.example", "かく@shop.example"),
    ("й@shop.example", "и@shop.example"),
    ("æ@shop.example", "ae@shop.example"),
    ("ann@shop.example", "ann@shop-example.com"),
]


@pytest.mark.parametrize(("one", "other"), ONE_MAILBOX)
def test_one_mailbox(one: str, other: str) -> None:
    assert identity.of_email(one) == identity.of_email(other)


@pytest.mark.parametrize(("one", "other"), TWO_MAILBOXES)
def test_two_mailboxes(one: str, other: str) -> None:
    assert len({identity.of_email(form) for form in forms(one) | forms(other)}) == 2


@pytest.mark.parametrize(
    "address",
    ["ann@under_score.example", "ann@☕.example", "ann@xn--ls8h.example", "ann@-.example", "ann@", "ann", "@", ""],
)
def test_a_domain_that_idna_refuses_is_compared_as_a_word(address: str) -> None:
    assert identity.of_email(address.upper()) == identity.of_email(address) == address


@given(local=st.text(max_size=20), domain=st.text(max_size=20) | st.sampled_from(["Shop.example", "MÜNCHEN。example"]))
def test_a_mailbox_is_its_own_identity(local: str, domain: str) -> None:
    """Also in each form that Unicode holds to be the same text."""
    known = identity.of_email(f"{local}@{domain}")
    assert identity.of_email(known) == known
    assert {identity.of_email(form) for form in forms(f"{local}@{domain}")} == {known}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Wholesale", "WHOLESALE", True),
        ("Cafe\u0301", "CAF\u00c9", True),
        ("ΠΕΛΆΤΗΣ", "πελάτης", True),
        ("Großkunde", "Grosskunde", False),
        ("Café", "Cafe", False),
        ("ＶＩＰ", "VIP", False),
        ("\ufb01x", "fix", False),
        ("ı", "i", False),
    ],
)
def test_a_login_or_a_label_keeps_its_letters(one: str, other: str, *, same: bool) -> None:
    assert (identity.of_word(one) == identity.of_word(other)) is same


@given(st.text(max_size=30))
def test_a_word_is_its_own_identity(text: str) -> None:
    known = identity.of_word(text)
    assert {identity.of_word(form) for form in (known, known.lower(), *forms(text))} == {known}
