"""Text as people search and sort it: without regard to case, accents, and what can't be seen. No server has a say."""

import re
from unicodedata import category, combining, name, normalize

from anyascii import anyascii

VERSION = 1  # raise it when `folded` changes: what is stored folded is then folded again

# Unicode's Default_Ignorable_Code_Point, which the standard library does not know.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BRAILLE_BLANK = "\u2800"  # a symbol to Unicode, of no dots
_DASHES_AND_QUOTES = {"Pd", "Pi", "Pf"}


def folded(text: str) -> str:
    """NFKC, full case folding, no marks; letters such as ł ø đ æ as ASCII has them. Folding again changes nothing."""
    if text.isascii():
        return text.lower()
    decomposed = normalize("NFKD", normalize("NFKC", text).casefold())
    return normalize("NFC", decomposed.translate(_LOOKS))


def is_blank(text: str) -> bool:
    """Nobody sees anything in it: there are only blanks, and characters without width or ink."""
    if text.isascii():
        return not text.strip()
    return not _UNSEEN.sub("", text).replace(_BRAILLE_BLANK, "").strip()


class _Looks(dict[int, str]):
    """What a character of decomposed, case-folded text looks like, by its code point."""

    def __missing__(self, code: int) -> str:
        looks = self[code] = _look(chr(code))
        return looks


def _look(character: str) -> str:
    if character.isascii():
        return character
    # By the combining class: vowel signs of India and Thailand are marks to Unicode, too, and yet letters.
    if combining(character) or _UNSEEN.match(character):
        return ""
    if character.isspace():
        return " "
    # Of other scripts a letter is itself: nobody who looks for Иван means Ivan.
    is_latin = character.isalpha() and name(character, "").startswith(("LATIN ", "MODIFIER LETTER "))
    if is_latin or category(character) in _DASHES_AND_QUOTES:
        return anyascii(character).lower() or character
    return character


_LOOKS = _Looks()
