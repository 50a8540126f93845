"""Where one goes after signing in: a path of this site, whatever a link asks for."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidemark.storefront.login import LONGEST_PATH, local_path

SITE = "https://shop.example/sign-in"


def as_a_browser(path: str) -> str:
    """Where a browser goes: it drops tabs and line ends, and takes a backslash for a slash (WHATWG URL)."""
    cleaned = "".join(c for c in path.strip(" \t\n\r\f\v\0") if c not in "\t\n\r").replace("\\", "/")
    return urlsplit(urljoin(SITE, cleaned)).netloc


@given(st.text(alphabet=st.sampled_from("/\\@:.?#ab \t\n\r\0%5C2F\u2028é")) | st.text())
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("\\\\evil.example")
@example("https:evil.example")
@example("///evil.example")
@example("javascript:alert(1)")
@example(" //evil.example")
def test_no_link_leads_to_another_site(wanted):
    assert as_a_browser(local_path(wanted)) == "shop.example"


@pytest.mark.parametrize("wanted", ["/", "/history?page=2", "/search?q=a%20b&x=//y", "/products/B0%2F1", "/a:b@c"])
def test_a_path_of_this_site_is_kept(wanted):
    assert local_path(wanted) == wanted


@pytest.mark.parametrize("wanted", [None, "", "history", "/é", "/" + "a" * LONGEST_PATH])
def test_what_is_none_leads_home(wanted):
    assert local_path(wanted) == "/"
    assert local_path(wanted, "/elsewhere") == "/elsewhere"
