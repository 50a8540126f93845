import pytest
from pydantic import SecretStr

from tidemark.settings import Settings
from tidemark.storage import mongo


@pytest.mark.parametrize(
    ("given", "found_in", "connected_in", "each"),
    [({}, 10, 20, None), ({"patience": 2}, 2, 20, None), ({"patience": 0.5, "each": 1.5}, 0.5, 0.5, 1.5)],
)
def test_a_client_waits_as_long_as_is_said_and_writes_to_a_majority(given, found_in, connected_in, each):
    db = mongo.unasked(Settings(mongo_hosts="127.0.0.1:1", mongo_password=SecretStr("x")), **given)
    with db.client as client:
        waits = client.options.server_selection_timeout, client.options.pool_options.connect_timeout
        assert (*waits, client.options.timeout) == (found_in, connected_in, each)
        assert client.write_concern.document == {"w": "majority"}
        assert client.codec_options.tz_aware
