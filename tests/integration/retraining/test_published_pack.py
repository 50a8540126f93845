"""A published model's serving pack, against a real MongoDB: the same as its collection, whatever came between."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import packs as made
from tests.support import tastes
from tidemark.contracts import conformance
from tidemark.errors import GateError
from tidemark.models import saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe
from tidemark.registry import champion, entries
from tidemark.retraining import publish, serving_pack
from tidemark.serving import pack, ways
from tidemark.serving.answers import Ask
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.folding import Model
from tidemark.settings import settings
from tidemark.storage import artifacts, mongo, run_folder
from tidemark.storage.tombstones import tombstone

pytestmark = pytest.mark.usefixtures("mongo_db")

PAIRS = tastes.tastes(n_users=60, n_items=40, n_pairs=900)
MODEL = made.MODEL
PRODUCT: dict[str, Any] = {
    "brand": "", "main_category": "", "categories": [], "description": "", "features": [], "clean_text": "", "images": [],
    "release": "2023",
}  # fmt: skip


@pytest.fixture
def db():
    db = mongo.connect()
    yield db
    db.client.close()


@pytest.fixture
def run(db, tmp_path):
    """The folder of a run that is decided and waits to be published."""
    folder = str(tmp_path / "retrain_recommender" / "manual__1")
    begin(db, folder, AlsImplicit(4, 1.0, 10.0))
    return folder


def begin(db, folder, recommender):
    stream = {"next_offsets": {"0": 17}, "topic_id": "topic"}
    asked = {"top_n": 10}
    taken = {"model_id": MODEL, "cut": made.MADE.isoformat(), "asked": asked, "stream": stream, "run_id": "manual__1"}
    artifacts.write_json(f"{folder}/{run_folder.SNAPSHOT}", taken)
    saved.save_pairs(folder, PAIRS)
    model = {
        "_id": MODEL, "status": "candidate", "engine": "implicit", "feedback": "implicit",
        "params": Recipe.of(recommender).document(), "snapshot": {}, "metrics": {}, "decision": {}, "artifacts": folder,
        "users_served": None, "created_at": made.MADE, "published_at": None,
    }  # fmt: skip
    entries.save(db, model)


def require_published(db, folder):
    """What a whole publication is; gives its pack."""
    model = entries.get(db, MODEL)
    assert conformance.reasons("model", model) == []
    assert champion.model_id(db) == MODEL
    assert model["pack"] == pack.located(f"{folder}/pack")
    pack.verify(Path(folder) / "pack")
    read = pack.read(Path(folder) / "pack")
    there = {d["_id"]: d["items"] for d in db[mongo.recommendations(MODEL)].find()}
    catalogue = Catalogue.of(read)
    held = {
        user: [{"item_id": catalogue.item_id(i), "score": s} for i, s in zip(items, scores, strict=True) if i >= 0]
        for user, items, scores in zip(read.users, read.lists.tolist(), read.scores.tolist(), strict=True)
    }
    assert held == there
    assert len(there) == model["users_served"] == len(PAIRS.users)
    return read


def test_a_model_is_published_with_a_pack_that_is_its_collection(db, run):
    for name in ("products", "items"):
        mongo.ensure(db, name)
    titles = {"i001": "First", "zzz": "Untaken", "yyy": ""}
    db["products"].insert_many([{"_id": item_id, "title": title, **PRODUCT} for item_id, title in titles.items()])
    db["items"].insert_many(
        [
            {"_id": "zzz", "price": 2.5, "available": True, "updated_at": made.MADE},
            {"_id": "aaa", "title": "Said", "available": False, "updated_at": made.MADE},
        ]
    )
    publish.publish_run(db, run, keep=5)
    read = require_published(db, run)
    assert read.about == made.about(MODEL, 10, recipe=Recipe.of(AlsImplicit(4, 1.0, 10.0)).document())
    fitted, _ = saved.load_model(f"{run}/{run_folder.MODEL}", PAIRS)
    factors = fitted.factors_of_items()
    assert factors is not None
    assert np.array_equal(read.learned["item_factors"], factors)
    catalogue = Catalogue.of(read)
    assert [catalogue.item_id(n) for n in range(len(PAIRS.items), len(catalogue))] == ["aaa", "yyy", "zzz"]
    assert (catalogue.title(1), catalogue.price(made.at(catalogue, "zzz"))) == ("First", 2.5)
    assert not catalogue.available(made.at(catalogue, "aaa"))
    assert publish.publish_run(db, run, keep=5) is None
    require_published(db, run)


def test_new_items_stand_in_their_places_of_lists_in_the_pack_and_in_its_collection(db, run):
    for name in ("products", "items"):
        mongo.ensure(db, name)
    brands = {item: f"taste {int(item[1:]) % 6}" for item in [*PAIRS.items.tolist(), "x01", "x02", "x03"]}
    db["products"].insert_many(
        [{"_id": item, "title": "Thing", **PRODUCT, "brand": brand} for item, brand in brands.items()]
    )
    db["items"].insert_one({"_id": "x03", "available": False, "updated_at": made.MADE})
    db["models"].update_one({"_id": MODEL}, {"$set": {"new_items": {"asked": 0.2, "share": 0.2, "why": "measured"}}})
    publish.publish_run(db, run, keep=5)
    read = require_published(db, run)
    assert read.about.new_item_share == 0.2
    named = {item["item_id"] for one in db[mongo.recommendations(MODEL)].find() for item in one["items"]}
    assert named & {"x01", "x02", "x03"} == {"x01", "x02"}
    model, catalogue = Model.of(read), Catalogue.of(read)
    answer = ways.answer(Ask(read.users[0], 10), model, catalogue, (), tuple)
    assert [item.position for item in answer.items if item.method == "content"] == [5, 10]


def test_what_is_not_to_be_had_is_in_no_stored_list_and_all_others_are_as_long(db, run):
    for name in ("products", "items"):
        mongo.ensure(db, name)
    gone = PAIRS.items[np.argsort(-PAIRS.item_counts)[:3]].tolist()
    db["products"].insert_one({"_id": gone[0], "title": "Sold out", **PRODUCT, "available": False})
    db["items"].insert_many([{"_id": item, "available": False, "updated_at": made.MADE} for item in gone[1:]])
    publish.publish_run(db, run, keep=5)
    require_published(db, run)
    lists = list(db[mongo.recommendations(MODEL)].find())
    assert len(lists) == len(PAIRS.users)
    assert not {item["item_id"] for one in lists for item in one["items"]} & set(gone)
    assert {len(one["items"]) for one in lists} == {10}


def test_a_model_without_products_and_without_factors_has_a_pack_too(db, tmp_path):
    folder = str(tmp_path / "retrain_recommender" / "run")
    begin(db, folder, Popularity())
    publish.publish_run(db, folder, keep=5)
    read = require_published(db, folder)
    assert read.learned.keys() == {"item_scores"}
    assert Catalogue.of(read).title(0) == ""


KILLED = [(serving_pack.serving, "write"), (serving_pack, "require_same"), (champion, "move_pointer")]


@pytest.mark.parametrize(("module", "step"), KILLED, ids=["before the pack", "after the pack", "before the pointer"])
def test_killed_in_between_and_run_again_it_ends_the_same(db, run, monkeypatch, module, step):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, step, killed)
        publish.publish_run(db, run, keep=5)
    assert champion.model_id(db) is None
    publish.publish_run(db, run, keep=5)
    require_published(db, run)


def test_a_half_written_pack_is_written_anew_and_a_live_one_stays(db, run):
    publish.publish_run(db, run, keep=5)
    live = pack.located(f"{run}/pack")
    mongo.ensure(db, "products")
    db["products"].insert_one({"_id": "late", "title": "Late", **PRODUCT})
    # as a kill between the pointer and the statuses leaves it
    again = {"$set": {"status": "candidate", "published_at": None}}
    db["models"].update_one({"_id": MODEL}, again)
    publish.publish_run(db, run, keep=5)
    assert pack.located(f"{run}/pack") == live
    (Path(run) / "pack" / "scores.npy").write_bytes(b"half")
    db["models"].update_one({"_id": MODEL}, again)
    publish.publish_run(db, run, keep=5)
    assert Catalogue.of(require_published(db, run)).title(len(PAIRS.items)) == "Late"


def test_a_collection_that_differs_is_never_made_live(db, run):
    name = mongo.recommendations(MODEL)
    mongo.ensure(db, name)
    other = {
        "_id": str(PAIRS.users[7]),
        "model_id": MODEL,
        "items": [{"item_id": "i001", "score": 1.0}],
        "made_at": made.MADE,
    }
    db[name].insert_one(other)
    with pytest.raises(GateError, match=f"for the user {PAIRS.users[7]}"):
        publish.publish_run(db, run, keep=5)
    assert champion.model_id(db) is None
    assert "pack" not in entries.get(db, MODEL)


@pytest.mark.parametrize("price", [-1, "cheap"])
def test_mongodb_refuses_items_that_are_not_as_the_contract_says(db, price):
    mongo.ensure(db, "items")
    with pytest.raises(Exception, match="Document failed validation"):
        db["items"].insert_one({"_id": "a", "price": price, "available": True, "updated_at": made.MADE})


def erase(db, config, *user_ids):
    for user_id in user_ids:
        db["erased"].insert_one({"_id": tombstone(user_id, config), "erased_at": made.MADE})


def test_who_is_erased_before_or_during_the_publication_has_no_list(db, run, monkeypatch):
    monkeypatch.setenv("TIDEMARK_SHOP_SECRET", "a secret of the tests")
    settings.cache_clear()
    before, during, after = (str(user) for user in PAIRS.users[[3, 5, 8]])
    erase(db, settings(), before)
    mongo.ensure(db, mongo.recommendations(MODEL))
    one = {"model_id": MODEL, "items": [{"item_id": "i001", "score": 1.0}], "made_at": made.MADE}
    db[mongo.recommendations(MODEL)].insert_one({"_id": before} | one)  # by an earlier try, before the user was erased
    move_pointer = champion.move_pointer

    def move_and_erase(*given, **how):
        move_pointer(*given, **how)
        erase(db, settings(), during)

    monkeypatch.setattr(champion, "move_pointer", move_and_erase)
    publish.publish_run(db, run, keep=5)
    lists = {document["_id"] for document in db[mongo.recommendations(MODEL)].find()}
    assert lists == {str(user) for user in PAIRS.users} - {before, during}
    assert champion.verify(db)["users_served"] == len(lists)
    packed = pack.read(Path(run) / "pack").users
    assert set(packed) == lists | {during}, "a pack is not written anew: who is erased is left out when it is read"

    erase(db, settings(), after)
    assert publish.publish_run(db, run, keep=5) is None, "published, and killed before it looked for who was erased"
    assert champion.verify(db)["users_served"] == len(lists) - 1
    assert db[mongo.recommendations(MODEL)].find_one({"_id": after}) is None
