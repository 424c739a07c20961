"""Write kafka.lock.json anew, after KAFKA or LOG_BINDING in `jars` changed: `python -m sluice.embedded.relock`."""

import jgo

from sluice.embedded.jars import KAFKA, LOCK_FILE, LOG_BINDING, Jar, sha256_of, written


def resolved() -> list[Jar]:
    """Resolve Kafka's dependencies, fetch them, and return what they are."""
    found = {}
    for endpoint in (KAFKA, LOG_BINDING):
        for artifact in jgo.resolve(endpoint):
            name = f"{artifact.groupId}:{artifact.artifactId}"
            if name not in found:
                path = artifact.resolve()
                found[name] = Jar(f"{name}:{artifact.version}", sha256_of(path), path.stat().st_size)
    return list(found.values())


if __name__ == "__main__":
    LOCK_FILE.write_bytes(written(resolved()))
