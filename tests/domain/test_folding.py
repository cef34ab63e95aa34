"""What search takes for the same text, in every alphabet, and what it does not."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

from itertools import chain
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text.folding import folded, is_blank
from tests.forms import forms

ALIKE = [
    ("Łukasz Wałęsa", "lukasz walesa"),
    ("Søren Ærø Ødegård", "soren aero odegard"),
    ("Đorđe Nguyễn Đức", "dorde nguyen duc"),
    ("Þórður Guðjónsson", "thordur gudjonsson"),
    ("Ħal Għargħur", "hal gharghur"),
    ("Ŧŋ", "tng"),
    ("Straße STRAẞE", "strasse strasse"),
    ("Œuvre cœur", "oeuvre coeur"),
    ("IŞIL ışıl İdil idil", "isil isil idil idil"),
    ("ﬁ ﬃ ﬅ ǆ Ĳ", "fi ffi st dz ij"),
    ("Ελένη Παπαδόπουλος", "ΕΛΕΝΗ ΠΑΠΑΔΟΠΟΥΛΟΣ"),
    ("Ἀθηνᾶ", "ΑΘΗΝΑ"),
    ("Андрей Королёв Їжак", "АНДРЕИ КОРОЛЕВ ІЖАК"),
    ("김민준", "김민준"),
    ("がくと パパ", "がくと パパ"),
    ("ｶﾞｸﾄ", "ガクト"),
    ("ＡＢＣ１２３", "abc123"),
    ("ﻣﺤﻤﺪ", "محمد"),  # presentation forms
    ("مُحَمَّد", "محمد"),  # vowel signs
    ("أحمد", "احمد"),
    ("שָׁלוֹם", "שלום"),
    ("ज़ाकिर", "ज़ाकिर"),
    ("Nguyễn", "Nguye\u0302\u0303n"),
    ("Mary\u00a0Ann\u202fLee\u3000Roe", "mary ann lee roe"),
    ("Ma\u200bry\u2060\ufeff An\u00adn", "mary ann"),
    ("می\u200cخواهم", "میخواهم"),
    ("O’Connor Oʼ‘Connor", "o'connor o''connor"),
    ("Jean\u2011Luc–Marc", "jean-luc-marc"),
    ("❤\ufe0f", "❤"),
    ("Ꭰꭰ ႠႰ", "ꭰꭰ ⴀⴐ"),
    ("Ⅷ № ™", "viii no tm"),
]
UNLIKE = [
    ("Иван", "Ivan"),
    ("Ελένη", "Eleni"),
    ("李", "li"),
    ("कुमार", "कमार"),  # a vowel sign is a letter
    ("ที่", "ทา"),
    ("김", "기"),  # a syllable is one letter
    ("ي", "ی"),
    ("👩", "👨"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_unlike(one: str, other: str) -> None:
    assert folded(one) not in folded(other)


@given(st.text(max_size=40))
def test_folding_again_or_another_form_changes_nothing(text: str) -> None:
    alike = forms(text) | forms(normalize("NFKC", text)) | {folded(text)}
    assert {folded(form) for form in alike} == {folded(text)}


def test_no_letter_of_any_alphabet_differs_by_its_case() -> None:
    letters = [character for character in map(chr, range(0x110000)) if character.isalpha()]
    assert len(letters) > 100_000
    assert not [
        it for it in letters if not folded(it) == folded(it.upper()) == folded(it.lower()) == folded(it.title())
    ]


def test_what_is_folded_can_be_stored_and_has_no_marks_between_parts() -> None:
    everything = folded("".join(map(chr, chain(range(0xA0, 0xD800), range(0xE000, 0x110000)))))
    assert not [character for character in everything if character < " "]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\r\n",
        "\u200b",
        "\u200b \u2060\ufeff",
        "\u00ad",
        "\u00a0\u3000",
        "\u2800",
        "\u3164",
        "\u115f\u1160",
        "\ufe0f",
    ],
)
def test_what_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\u200ba", "\u0301", "李", "❤\ufe0f", "-", "\x00"])
def test_what_somebody_sees_is_not_blank(text: str) -> None:
    """A control character is no blank: it is refused as what it is."""
    assert not is_blank(text)
