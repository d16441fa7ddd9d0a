"""Names and texts from users in one form: in NFC, a name with single spaces as white space."""

import unicodedata


def tidy(text: str) -> str:
    """Returns a name of one line in the form that is stored and compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def tidy_lines(text: str) -> str:
    """Returns a text of several lines in the form that is stored."""
    return unicodedata.normalize("NFC", text).strip()
