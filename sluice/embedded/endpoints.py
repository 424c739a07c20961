"""endpoints.json: where the running stack is. It exists exactly while everything is ready."""

from pathlib import Path

import msgspec

from sluice.embedded.data_dir import write_whole
from sluice.embedded.errors import StartError


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, keys and processes of a running stack. HTTP ones are URLs, the others host:port; `metrics` are pages by process."""

    gateway_http: str
    gateway_grpc: str
    otlp_http: str
    query_http: str
    kafka: str
    project_id: str
    public_key: str
    ingest_key: str
    read_key: str
    admin_key: str
    processes: dict[str, int]
    metrics: dict[str, str] = {}


def write(path: Path, endpoints: Endpoints) -> None:
    """Write the file, whole, for its owner alone: it holds keys."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(endpoints)) + b"\n")


def read(path: Path) -> Endpoints:
    """Return the endpoints; raise StartError where nothing is running there."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except FileNotFoundError:
        raise StartError(f"nothing is running on {path.parent}: start it with `sluice up`, or set SLUICE_DATA_DIR") from None
    except msgspec.DecodeError as error:
        raise StartError(f"{path} is not readable: {error}") from error
