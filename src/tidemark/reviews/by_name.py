"""By name: `amazon-2023:All_Beauty` is a category of the 2023 release, which its publisher serves; its files, kept in the landing.

The reviews and the metadata of a category are fetched once: what lies whole in the landing is used as it is.
"""

import difflib
import logging
from dataclasses import dataclass
from pathlib import Path

import fsspec

from tidemark.errors import BadInputError
from tidemark.landing import downloads
from tidemark.settings import Settings
from tidemark.storage import artifacts

log = logging.getLogger(__name__)

PREFIX = "amazon-2023:"
RELEASE = "2023"
CATEGORIES = (
    *("All_Beauty", "Amazon_Fashion", "Appliances", "Arts_Crafts_and_Sewing", "Automotive", "Baby_Products"),
    *("Beauty_and_Personal_Care", "Books", "CDs_and_Vinyl", "Cell_Phones_and_Accessories"),
    *("Clothing_Shoes_and_Jewelry", "Digital_Music", "Electronics", "Gift_Cards", "Grocery_and_Gourmet_Food"),
    *("Handmade_Products", "Health_and_Household", "Health_and_Personal_Care", "Home_and_Kitchen"),
    *("Industrial_and_Scientific", "Kindle_Store", "Magazine_Subscriptions", "Movies_and_TV", "Musical_Instruments"),
    *("Office_Products", "Patio_Lawn_and_Garden", "Pet_Supplies", "Software", "Sports_and_Outdoors"),
    *("Subscription_Boxes", "Tools_and_Home_Improvement", "Toys_and_Games", "Video_Games", "Unknown"),
)
"""All of the release, as the publisher spells them."""


@dataclass(frozen=True)
class Kept:
    """Where the files of a category lie: paths, or URLs of the landing."""

    reviews: str
    products: str


def is_name(source: str) -> bool:
    """Whether `source` names a category and not a file."""
    return source.startswith(PREFIX)


def category(source: str) -> str:
    """The category that `source` names, in the publisher's spelling.

    Raises:
        BadInputError: there is none of that name; it lists them, the nearest first.
    """
    asked = source.removeprefix(PREFIX).strip()
    spelled = {name.casefold(): name for name in CATEGORIES}
    plain = asked.casefold().replace(" ", "_").replace("-", "_")
    if plain in spelled:
        return spelled[plain]
    near = [spelled[name] for name in difflib.get_close_matches(plain, spelled, n=3, cutoff=0.4)]
    ordered = ", ".join([*near, *(name for name in CATEGORIES if name not in near)])
    raise BadInputError(
        f"{source}: the 2023 release has no category {asked!r}. There are, the nearest first: {ordered}"
    )


def addresses(base: str, name: str) -> dict[str, str]:
    """File name -> its address, of the reviews and then of the metadata of a category below `base`."""
    root = base.rstrip("/")
    return {
        f"{name}.jsonl.gz": f"{root}/raw/review_categories/{name}.jsonl.gz",
        f"meta_{name}.jsonl.gz": f"{root}/raw/meta_categories/meta_{name}.jsonl.gz",
    }


def fetch(
    source: str, config: Settings, *, products: bool = True, patience: downloads.Patience = downloads.PATIENCE
) -> Kept:
    """The files of the category that `source` names, fetched where they are not kept yet.

    Args:
        source: `amazon-2023:<category>`.
        config: the settings.
        products: whether the metadata is wanted; without it `Kept.products` is empty.
        patience: see `downloads.fetch`.

    Raises:
        BadInputError: there is no such category, or its publisher has no such file, or a damaged one.
        SettingError: there is no room for it.
        UnreachableError: the publisher does not answer.
    """
    name = category(source)
    every = addresses(config.amazon_2023_url, name)
    wanted = list(every.items()) if products else list(every.items())[:1]
    kept = [_kept(file, url, f"{PREFIX.rstrip(':')}/{name}", config, patience) for file, url in wanted]
    return Kept(kept[0], kept[1] if products else "")


def _kept(file: str, url: str, folder: str, config: Settings, patience: downloads.Patience) -> str:
    """Where one file lies in the landing, after it was fetched."""
    target = f"{config.landing_root}/{folder}/{file}"
    filesystem, path = fsspec.core.url_to_fs(target)
    if "file" in filesystem.protocol:
        downloads.fetch(url, Path(path), patience)
        return path
    if not artifacts.exists(target):  # a store takes a file whole: it is put together on this machine first
        here = config.state / "downloads" / folder / file
        downloads.fetch(url, here, patience)
        with here.open("rb") as whole, artifacts.replacing(target, "wb") as stream:
            while chunk := whole.read(downloads.CHUNK):
                stream.write(chunk)
        here.unlink()
    return target
