"""When two names are the same to the matcher; without numpy, for pages and for marking duplicates."""

from integrations.matching.names import read_name
from integrations.matching.words import squashed


def is_same_text(one: str, other: str) -> bool:
    """Whether two names have the same letters and digits, as remembered decisions are compared."""
    return squashed(one) == squashed(other) != ""


def name_key(name: str) -> str:
    """Equal for names of the same words, whatever the legal form, the spelling of short forms and the order.

    "Alice Brandt LLC" and "Alice Brandt, Inc." have one key. Empty when the name holds no letter or digit.
    """
    forms = read_name(name).forms
    return " ".join(sorted(forms[0].words + forms[0].repeats)) if forms else ""
