"""The same text in each of Unicode's forms that are held to be the same."""

from unicodedata import normalize


def forms(text: str) -> set[str]:
    return {text, normalize("NFC", text), normalize("NFD", text)}
