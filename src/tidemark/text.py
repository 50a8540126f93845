"""Text, whoever shows or stores it: white space, what XML cannot hold, and what nobody may read."""

import re

ILLEGAL_IN_XML = "[^\\t\\n\\r\\u0020-\\uD7FF\\uE000-\\uFFFD\\U00010000-\\U0010FFFF]"
"""What no XML 1.0 document may hold, escaped or not (its section 2.2): a pattern of `re`."""

_ILLEGAL_IN_XML = re.compile(ILLEGAL_IN_XML)

# A password that was not encoded may hold any of `:/@`: all up to the last `@` of the word is taken for it.
_LOGIN = re.compile(r"(://[^\s:/@]*):\S*@")
_TOKEN = re.compile(r"(https?://)[^\s/@]+@")
_NAMED = re.compile(
    r"(?i)([\w.-]*(?:password|passwd|secret|token|api_?key)[\w.-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&)}\]]+)"
)


def collapsed(text: str) -> str:
    """With single spaces between words and none around them."""
    return " ".join(text.split())


def without_illegal_in_xml(text: str) -> str:
    """With the replacement character U+FFFD for each character that XML 1.0 cannot hold."""
    return _ILLEGAL_IN_XML.sub("\ufffd", text)


def without_passwords(text: str) -> str:
    """With `***` for the password of each URL, and for the value of each `password=`, `secret: ` or `token=`."""
    return _NAMED.sub(r"\1***", _TOKEN.sub(r"\1***@", _LOGIN.sub(r"\1:***@", text)))
