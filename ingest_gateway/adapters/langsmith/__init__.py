"""LangSmith's protocol, as its SDKs for Python (0.1 to 0.14) and JavaScript (0.10) speak it and Dify through them."""
