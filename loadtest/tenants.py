"""Projects of a measurement's own on a running stack."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from contract.codec import Codec
from contract.control import key_record, limits_record, project_record, publish
from contract.kafka import KafkaSettings, producer
from contract.keys import Project, Scope, api_key, new_public_key, new_secret
from contract.limits import ProjectLimits
from sluice.embedded.endpoints import Endpoints

TIMEOUT_MS = 8000
KNOWN_WITHIN_SECONDS = 30.0
POLL_SECONDS = 0.2
UNKNOWN = (401, 403)
SCOPES: tuple[Scope, ...] = ("ingest", "read")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project and its keys."""

    project_id: str
    keys: Mapping[str, str]

    @property
    def ingest_key(self) -> str:
        """Return the key that writes."""
        return self.keys["ingest"]

    @property
    def read_key(self) -> str:
        """Return the key that reads."""
        return self.keys["read"]


def new_tenant(endpoints: Endpoints, project_id: str, limits: ProjectLimits | None = None) -> Tenant:
    """Make a project with a key of each scope; services know it within seconds."""
    secrets = [(scope, new_secret(scope)) for scope in SCOPES]
    records = [project_record(Project(project_id, project_id, new_public_key()))]
    records += [key_record(api_key(secret, project_id, scope)) for scope, secret in secrets]
    if limits is not None:
        records.append(limits_record(limits))
    kafka = KafkaSettings(bootstrap_servers=endpoints.kafka)
    publish(records, producer(kafka, client_id="loadtest", timeout_ms=TIMEOUT_MS, linger_ms=0), Codec())
    return Tenant(project_id, dict(secrets))


async def await_known(endpoints: Endpoints, tenant: Tenant) -> None:
    """Wait until gateway and read API know the keys; raise RuntimeError where that takes too long."""
    asks = (
        ("POST", f"{endpoints.gateway_http}/v1/events", tenant.ingest_key),
        ("GET", f"{endpoints.query_http}/api/v1/traces", tenant.read_key),
    )
    deadline = time.monotonic() + KNOWN_WITHIN_SECONDS
    async with aiohttp.ClientSession() as session:
        for method, url, key in asks:
            while await _is_unknown(session, method, url, key):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{url} does not know the key of {tenant.project_id}")
                await asyncio.sleep(POLL_SECONDS)


async def _is_unknown(session: aiohttp.ClientSession, method: str, url: str, key: str) -> bool:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    async with session.request(method, url, headers=headers, data=b"[]" if method == "POST" else None) as response:
        return response.status in UNKNOWN
