"""Encodings: how a file's text is written, and a copy of it in UTF-8 where it is written otherwise."""

import codecs

from tidemark.errors import BadInputError
from tidemark.landing import packing
from tidemark.storage import artifacts

UTF8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def of(path: str, head: bytes, said: str) -> str:
    """The encoding of a file that begins with `head`.

    Args:
        path: named in messages.
        head: its first bytes.
        said: by a person or a preset; empty: by its first bytes, else UTF-8.

    Raises:
        BadInputError: it is no text at all, or there is no such encoding.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\x00" in head:
        raise BadInputError(f"{path}: no text: there are zero bytes in it. Is it the file you meant?")
    if said:
        try:
            return codecs.lookup(said).name
        except LookupError:
            raise BadInputError(
                f"{path}: there is no encoding {said!r}. Usual ones: utf-8, iso-8859-1, utf-16"
            ) from None
    return UTF8


def ends_in_returns(head: bytes) -> bool:
    """Whether lines end in carriage returns alone."""
    return b"\r" in head and b"\n" not in head


def copy(source: str, target: str, encoding: str, most_bytes: int) -> None:
    """Write the text of `source` to `target` in UTF-8, its lines ended by line feeds.

    Raises:
        BadInputError: it is not of this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    returns: bool | None = None
    with packing.opened(source, most_bytes) as whole, artifacts.replacing(target, "wb") as out:
        if encoding == UTF8:
            for chunk in whole.chunks():
                returns = ends_in_returns(chunk) if returns is None else returns
                out.write(chunk.replace(b"\r", b"\n") if returns else chunk)
            return
        try:
            for chunk in whole.chunks():
                out.write(decoder.decode(chunk).encode(UTF8))
            out.write(decoder.decode(b"", final=True).encode(UTF8))
        except UnicodeError as error:
            raise BadInputError(f"{source}: its text is not {encoding} ({error}). Convert it to UTF-8") from None
