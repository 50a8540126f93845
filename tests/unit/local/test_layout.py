"""Folders that are private, paths that fit a socket, files that are never half written."""

import os
import stat
from pathlib import Path

import pytest

from tests.support.own_settings import local_settings
from tidemark.errors import PlatformError, SettingError
from tidemark.local import layout, ports
from tidemark.settings import Settings


def test_sockets_are_below_the_state_where_the_path_fits() -> None:
    config = Settings(_env_file=None, state=Path(f"/tmp/tm-{os.getpid()}"))  # noqa: S108 - short is the point
    try:
        folder = layout.socket_folder(config)
        assert folder == config.state / "run"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        folder.rmdir()
        config.state.rmdir()


def test_a_long_state_path_gets_a_short_private_folder_of_its_own(tmp_path: Path) -> None:
    one, other = (Settings(_env_file=None, state=tmp_path / name / ("x" * 100)) for name in ("one", "other"))
    folder = layout.socket_folder(one)
    assert len(str(folder)) + layout.LONGEST_SOCKET_NAME <= layout.LONGEST_SOCKET_PATH
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder == layout.socket_folder(one) != layout.socket_folder(other)
    folder.rmdir()
    layout.socket_folder(other).rmdir()


def test_a_path_with_a_comma_is_not_used_for_sockets() -> None:
    config = Settings(_env_file=None, state=Path(f"/tmp/tm,{os.getpid()}"))  # noqa: S108 - short is the point
    folder = layout.socket_folder(config)
    assert "," not in str(folder)
    folder.rmdir()


def test_a_state_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="TIDEMARK_STATE"):
        layout.private_folder(tmp_path / "file" / "state")


def test_a_private_file_is_never_open_to_others(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    layout.write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("address", ["db.example.org:27017", "127.0.0.1:1,127.0.0.1:2", "127.0.0.1", "0.0.0.0:27017"])
def test_the_local_servers_refuse_any_address_but_the_loopback(address: str) -> None:
    with pytest.raises(SettingError, match="TIDEMARK_MONGO_HOSTS"):
        ports.loopback_port("TIDEMARK_MONGO_HOSTS", address)


def test_a_taken_port_is_told_with_its_holder(tmp_path: Path) -> None:
    import socket

    from tidemark.local import lifecycle

    config = local_settings(tmp_path)
    with socket.create_server(("127.0.0.1", config.airflow_port)):
        assert not ports.is_free(config.airflow_port)
        with pytest.raises(
            PlatformError, match=rf"{config.airflow_port} \(TIDEMARK_AIRFLOW_PORT\) by .*pid {os.getpid()}"
        ):
            lifecycle._require_free_ports(config)
    lifecycle._require_free_ports(config)


def test_no_free_port_is_given_twice_or_may_be_taken_by_an_outgoing_connection() -> None:
    given = [ports.free_port() for _ in range(200)]
    assert len(set(given)) == len(given)
    first_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(given) < max(first_of_clients, ports.SERVER_PORTS.stop)


def test_two_servers_may_not_share_a_port(tmp_path: Path) -> None:
    from tidemark.local import lifecycle

    config = local_settings(tmp_path)
    same = config.model_copy(update={"airflow_port": config.kafka_controller_port})
    with pytest.raises(PlatformError, match="cannot share a port"):
        lifecycle._require_free_ports(same)
