"""Days that are loaded one by one, in any order, some of them twice or cut off half-way, one of them bad: as one load of all.

`TIDEMARK_FULL=1` loads 14 days; else 4. That Airflow backfills the DAG, and that one training follows, is in docs/reference/dags.md
and was watched; the DAG's shape is held by tests/dags/test_load_sources.py.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.own_sources import contents, planned, run_source
from tidemark.errors import AbsentError, BadInputError
from tidemark.landing import dated
from tidemark.settings import Settings
from tidemark.sources import storing
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAYS = 14 if os.environ.get("TIDEMARK_FULL") else 4
START = datetime(2026, 1, 1, tzinfo=UTC)


def test_days_in_any_order_equal_one_load_of_all(
    source_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    days = [START + timedelta(days=n) for n in range(DAYS)]
    source, rng = f"{tmp_path}/shop/dt={{ds}}/part.csv", random.Random(3)
    for day in days:
        path = Path(dated.fill(source, day, day + timedelta(days=1)))
        path.parent.mkdir(parents=True)
        rows = [
            f"u{rng.randrange(30)},i{rng.randrange(20)},{day:%Y-%m-%d}T{n // 60:02}:{n % 60:02}:00,view"
            for n in range(200)
        ]
        path.write_text("\n".join(["user,item,time,event", *rows, "u 1,i1,2026-01-01,view", ""]))
    bad, cut_off = days[1], days[2]
    good = Path(dated.fill(source, bad, None)).read_text()
    Path(dated.fill(source, bad, None)).write_text("just words\nand more\n")

    order = rng.sample(days, DAYS)
    for number, day in enumerate(order):
        folder, of_day = tmp_path / f"run-{number}", dated.fill(source, day, None)
        if day == bad:
            with pytest.raises(BadInputError, match="neither JSON lines nor a table"):
                planned(folder, "interactions", of_day, name="shop")
            continue
        if day == cut_off:  # it was validated, and ended before it stored anything
            plan = planned(folder, "interactions", of_day, name="shop")
            storing.validate(source_spark, plan, str(folder / "docs"))
        run_source(source_spark, folder, "interactions", of_day, name="shop")
    Path(dated.fill(source, bad, None)).write_text(good)  # mended, and cleared
    run_source(source_spark, tmp_path / "mended", "interactions", dated.fill(source, bad, None), name="shop")
    run_source(source_spark, tmp_path / "again", "interactions", dated.fill(source, order[0], None), name="shop")
    with pytest.raises(AbsentError, match="no such file"):
        planned(tmp_path / "absent", "interactions", dated.fill(source, START - timedelta(days=1), None))

    db = mongo.connect()
    by_day = contents(db)
    assert len(by_day["loads"]) == DAYS
    for name in by_day:
        db[name].drop()
    run_source(source_spark, tmp_path / "all", "interactions", dated.undated(source), name="shop")
    at_once = contents(db)
    assert len(at_once["loads"]) == 1
    assert by_day["interactions"] == at_once["interactions"]
    assert [(r["_id"], r["reasons"]) for r in by_day["rejects"]] == [
        (r["_id"], r["reasons"]) for r in at_once["rejects"]
    ]
