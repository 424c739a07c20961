"""Opik's protocol, as its SDKs for Python (1.7 to 2.2) and JavaScript speak it and Dify through them."""
