"""A MongoDB of a benchmark's own."""

import os
import uuid
from pathlib import Path

from tidemark.local import ports
from tidemark.settings import Settings, settings


def own_server(state: Path) -> Settings:
    """Settings of a MongoDB of the benchmark's own; this process and those it starts mean it from here on."""
    state.mkdir(parents=True)
    os.environ |= {
        "TIDEMARK_ENV_FILE": os.devnull,
        "TIDEMARK_STATE": str(state),
        "TIDEMARK_MONGO_HOSTS": f"127.0.0.1:{ports.free_port()}",
        "TIDEMARK_MONGO_PASSWORD": uuid.uuid4().hex,
        "TIDEMARK_MONGO_ROOT_PASSWORD": uuid.uuid4().hex,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    settings.cache_clear()
    return settings()
