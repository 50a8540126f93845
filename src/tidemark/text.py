"""Text, whoever shows or stores it: white space, and what XML cannot hold."""

import re

ILLEGAL_IN_XML = "[^\\t\\n\\r\\u0020-\\uD7FF\\uE000-\\uFFFD\\U00010000-\\U0010FFFF]"
"""What no XML 1.0 document may hold, escaped or not (its section 2.2): a pattern of `re`."""

_ILLEGAL_IN_XML = re.compile(ILLEGAL_IN_XML)


def collapsed(text: str) -> str:
    """With single spaces between words and none around them."""
    return " ".join(text.split())


def without_illegal_in_xml(text: str) -> str:
    """With the replacement character U+FFFD for each character that XML 1.0 cannot hold."""
    return _ILLEGAL_IN_XML.sub("\ufffd", text)
