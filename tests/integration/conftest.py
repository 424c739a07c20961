"""A real S3 server on this machine, and MinIO where there is Docker."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from contract.objects import ObjectSettings
from contract.web import free_port
from loadtest.chaos import s3_server

BUCKET = s3_server.BUCKET


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the server's address; its bucket is there and its credentials are in the environment.

    Skips at home where the server cannot be fetched; in CI that is a failure.
    """
    try:
        program = s3_server.jar()
    except s3_server.StartFailedError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    port = free_port()
    process = s3_server.start(program, tmp_path_factory.mktemp("s3") / "server", port)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.CREDENTIALS.items():
            patch.setenv(name, value)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(params=["s3proxy", pytest.param("minio", marks=pytest.mark.docker)])
def bucket(request: pytest.FixtureRequest) -> Iterator[ObjectSettings]:
    """Return a bucket of a real server."""
    if request.param == "s3proxy":
        url = request.getfixturevalue("s3_url")
        yield ObjectSettings(s3_bucket=BUCKET, s3_endpoint_url=url, s3_region=s3_server.REGION)
        return
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        pytest.skip("there is no Docker here")
    from testcontainers.minio import MinioContainer

    with MinioContainer() as server, pytest.MonkeyPatch.context() as patch:
        config = server.get_config()
        patch.setenv("AWS_ACCESS_KEY_ID", config["access_key"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", config["secret_key"])
        server.get_client().make_bucket(BUCKET)
        yield ObjectSettings(s3_bucket=BUCKET, s3_endpoint_url=f"http://{config['endpoint']}", s3_region=s3_server.REGION)
