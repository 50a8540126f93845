"""Any id that the contract allows can be asked for by its path."""

import re
from urllib.parse import quote

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.support.shop_api import HOSTILE_IDS, bearer, stand_in_app, stand_in_shop
from tidemark.storefront.id_paths import LONGEST, PATTERN, is_id

CLIENT = stand_in_app(stand_in_shop()).test_client()

ids = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters=":"), min_size=1, max_size=LONGEST)


@pytest.mark.parametrize("user_id", [*HOSTILE_IDS, "x" * LONGEST])
@pytest.mark.parametrize("safe", ["", "/"])
def test_an_id_comes_as_it_is(client, shop, user_id, safe):
    answer = client.get(f"/api/v1/users/{quote(user_id, safe=safe)}/recommendations", headers=bearer())
    assert answer.status_code == 200, answer.text
    assert answer.json["user_id"] == user_id == shop.serving.asked[0].user_id


@hypothesis.settings(max_examples=60)
@hypothesis.given(ids.filter(is_id))
def test_so_does_any_other(user_id):
    answer = CLIENT.get(f"/api/v1/users/{quote(user_id, safe='')}/interactions", headers=bearer())
    assert answer.status_code == 200
    if "/because/" not in f"{user_id}/interactions":  # a path with two readings
        assert answer.json["user_id"] == user_id


@pytest.mark.parametrize("user_id", ["a b", "a:b", "a\x00", "a\n", "a\u2028b", "x" * (LONGEST + 1)])
def test_what_is_no_id_is_refused(client, user_id):
    answer = client.get(f"/api/v1/users/{quote(user_id, safe='')}/recommendations", headers=bearer())
    assert answer.status_code == 422
    assert answer.json["type"] == "/problems/invalid"


def test_the_description_has_the_characters_of_the_contract():
    described = re.compile(PATTERN).match
    differ = [
        code
        for code in range(0x30000)
        if not 0xD800 <= code < 0xE000 and is_id(chr(code)) != bool(described(chr(code)))
    ]
    assert not differ


def test_no_id_is_no_path(client):
    answer = client.get("/api/v1/users//recommendations", headers=bearer())
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "DELETE"}  # of the user `/recommendations`


def test_an_item_with_slashes_is_stored_as_one(client):
    assert client.put("/api/v1/items/a/b/similar", headers=bearer(), json={"price": -1}).status_code == 422
