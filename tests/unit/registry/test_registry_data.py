"""The registry that tests of pages and charts stand on is one that the code could have stored."""

import pytest

from tests.support import registry_data
from tidemark.contracts import conformance


@pytest.mark.parametrize("published", [True, False])
def test_a_made_up_model_is_as_the_contract_says(published: bool) -> None:
    document = registry_data.model(3, published=published)
    assert conformance.reasons("model", document) == []
    assert document["search"]["trials"]
    assert document["decision"]["compared_with"] == "recipe"


def test_nothing_can_be_made_up_that_is_not_stored() -> None:
    with pytest.raises(AssertionError, match="no such document"):
        registry_data.over({"search": {"trials": []}}, {"search": {"tries": []}})
