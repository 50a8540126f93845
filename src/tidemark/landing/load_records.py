"""Load records: what the collection `loads` keeps of each load, from whatever door: the last thing that a load writes."""

from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from tidemark.storage import run_folder

COLLECTION = "loads"

REVIEWS = "reviews"
"""The name of all that `load_reviews` loads, as one source."""

Document = dict[str, Any]


def keep(db: Database[Document], load_id: str, staged: str, record: Document) -> None:
    """Write the record of a load that is whole. The first time stands: a load repeated changes nothing.

    Args:
        db: the platform's database.
        load_id: names the load.
        staged: its folder in the landing: `.../<dag>/<run key>`.
        record: as the contract `load` has it, without what is known here.
    """
    dag_id, run_key = run_folder.names(staged)
    first = {"loaded_at": datetime.now(UTC), "dag_id": dag_id, "run_key": run_key}
    db[COLLECTION].update_one({"_id": load_id}, {"$set": record, "$setOnInsert": first}, upsert=True)
