"""Errors of Engine.IO sessions."""


class MalformedError(Exception):
    """A packet that violates the protocol: the connection closes with WebSocket close `code` (RFC 6455 §7.4.1)."""

    def __init__(self, message: str, code: int = 1002) -> None:
        super().__init__(message)
        self.code = code
