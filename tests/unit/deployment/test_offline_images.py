"""Images from packages: of every tag that docker-compose.yaml names there is a way to make one."""

import importlib.util
import re
from types import ModuleType

import pytest
import yaml

from tidemark.settings import ROOT

OFFLINE = ROOT / "deploy/offline"


@pytest.fixture(scope="module")
def images() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offline_images", OFFLINE / "images.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_image_of_the_compose_file_can_be_made(images: ModuleType) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"].values()
    named = {re.sub(r"\$\{\w+:-(.+)\}", r"\1", one["image"]).partition(":")[0] for one in services}
    assert named | {"python"} == set(images.MAKERS) | {"tidemark"}
    for name in images.MAKERS:
        assert (
            (OFFLINE / name.rpartition("/")[2] / "Dockerfile")
            .read_text(encoding="utf-8")
            .startswith("ARG BASE\nFROM $BASE\n")
        )


def test_what_is_missing_is_named(images: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert images.missing() == ["debootstrap", "npm", "node", "go"]


def test_another_version_than_the_tag_says_is_refused(images: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"names MongoDB 8\.0\.4, the packages of \.venv hold 6\.0\.5"):
        images._same("MongoDB", "8.0.4", "6.0.5")
