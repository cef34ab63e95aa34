"""What a list refuses, for the page on which it was asked."""

from api.handling.errors import in_words
from api.handling.refusal_table import REFUSALS
from api.http.refusals import Invalid


def problem_of(error: Exception) -> str:
    """REST's own sentences."""
    refusal = in_words(REFUSALS, error)
    if not isinstance(refusal, Invalid):
        return refusal.body.message
    return " ".join(sentence for rules in refusal.errors.values() for sentence in rules.values())
