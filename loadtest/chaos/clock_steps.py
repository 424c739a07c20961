"""Wall clocks that can be stepped, one for each service; see `clocks/sitecustomize.py`."""

import os
import struct
from pathlib import Path

FOLDER = Path(__file__).parent / "clocks"
OFFSET = struct.Struct("d")
MODULES = {"gateway": "ingest_gateway", "worker": "processors"}


class Clocks:
    """The offsets of a stack's services; `environ` is what its processes need."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.environ = {
            "CHAOS_CLOCKS": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH", "")])),
        }
        for module in MODULES.values():
            (folder / module).write_bytes(OFFSET.pack(0.0))

    def step(self, service: str, seconds: float) -> None:
        """Set a service's clock off by so much."""
        with (self._folder / MODULES[service]).open("r+b", buffering=0) as file:
            file.write(OFFSET.pack(seconds))
