"""A statement by itself as a multipart form, the way an SDK sends it, so that one that was refused can be sent again."""

from hashlib import blake2b

from contract.letters import Alone

BATCH_PATH = "/langsmith/runs/batch"
FORM_PATH = "/langsmith/runs/multipart"
FEEDBACK_PATH = "/langsmith/feedback"
BOUNDARY_BYTES = 12
UNSAFE = frozenset('"\\\r\n')


def alone(subject_id: str, name: str) -> Alone | None:
    """Return the form around the part `name` and those that follow it; None where the name cannot stand in a form."""
    if UNSAFE.intersection(name):
        return None
    boundary = boundary_of(subject_id)
    content_type = f"multipart/form-data; boundary={boundary}"
    return Alone(path=FORM_PATH, content_type=content_type, before=f"--{boundary}\r\n{_head(name)}", after=f"\r\n--{boundary}--\r\n")


def following(subject_id: str, name: str, content: bytes) -> bytes:
    """Return a further part."""
    return b"\r\n--%b\r\n%b%b" % (boundary_of(subject_id).encode(), _head(name).encode(), content)


def boundary_of(subject_id: str) -> str:
    """Return a boundary that no content holds by chance."""
    return f"sluice-{blake2b(subject_id.encode(errors='replace'), digest_size=BOUNDARY_BYTES).hexdigest()}"


def _head(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: application/json\r\n\r\n'
