"""What one value may be that a program sends: text that is a number is taken as it is written, and not as Python also would."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tidemark.storefront.id_paths import LONGEST, PATTERN, is_id

MOST_ITEMS = 100
TEXT = r"^[^\x00]*$"

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")  # a double has up to 340 decimals


def _id(text: str) -> str:
    if not is_id(text):
        raise ValueError("an id has no white space, no ':' and no controls")
    return text


def _whole(value: Any) -> Any:
    """Text as a whole number is written, and not as Python also takes one (`1_0`, ` 1`)."""
    if isinstance(value, bool) or (isinstance(value, str) and not _WHOLE.fullmatch(value)):
        raise ValueError("it is no whole number")
    return int(value) if isinstance(value, float) and value.is_integer() else value  # 1.0 is one in JSON


def _number(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError("it is no number")
    return value


def _truth(value: Any) -> Any:
    if value not in ("true", "false", True, False) or (isinstance(value, int | float) and not isinstance(value, bool)):
        raise ValueError("it is neither true nor false")
    return value


# What checks text before pydantic does comes last: it is outermost, and the limits stay the number's own in the description.
Id = Annotated[
    str, Field(min_length=1, max_length=LONGEST, json_schema_extra={"pattern": PATTERN}), AfterValidator(_id)
]
Count = Annotated[int, Field(ge=1, le=MOST_ITEMS), BeforeValidator(_whole)]
Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False), BeforeValidator(_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]


class Strict(BaseModel):
    """What comes in: nothing that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True)
