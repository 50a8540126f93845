"""If-None-Match: what is not even looked into never named the tag."""

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.http import parse_etags

from tidemark.storefront import conditional

TAG = conditional.etag("20261124T101500-als.0.0", "champion", 0)
parts = st.sampled_from([TAG, TAG[2:], TAG[3:-1], "*", '"*"', "W/", '"', ",", " ", "other", TAG[2:-2]]) | st.text(
    max_size=5
)


@settings(max_examples=50)
@given(st.lists(parts, max_size=6).map("".join))
def test_a_header_names_a_tag_as_werkzeug_reads_it(known: str) -> None:
    assert conditional.has(known, TAG) == (known == TAG or parse_etags(known).contains_weak(TAG[3:-1]))
