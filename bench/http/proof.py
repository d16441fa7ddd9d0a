"""Verifies a server's contract, with valid and invalid input, before the measurement."""

import http.client
import json
from typing import Any

from contract import PROOF, Call


class ProofError(Exception):
    """Raised for responses that violate the contract; the message lists all differences."""


def prove(port: int) -> None:
    """Makes every call of the contract; raises ProofError for unexpected responses."""
    differences = [text for call in PROOF if (text := _difference(call, *_answer(port, call)))]
    if differences:
        raise ProofError("\n".join(differences))


def _answer(port: int, call: Call) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"content-type": "application/json"} if call.body is not None else {}
        connection.request(call.method, call.target, call.body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _difference(call: Call, status: int, body: bytes) -> str | None:
    asked = f"{call.method} {call.target[:80]} {(call.body or b'')[:80].decode()}"
    if status not in (call.status, call.other):
        return f"{asked}: expected {call.status}, got {status} {body[:200]!r}"
    if not call.answer:
        return None
    answer: dict[str, Any] = json.loads(body)
    for key, value in call.answer.items():
        if key not in answer or answer[key] != value:
            return f"{asked}: expected {key} = {value!r:.80}, got {answer.get(key, 'nothing')!r:.80}"
    if call.status == 201 and len(answer.get("_id", "")) != 24:
        return f"{asked}: no _id of 24 digits"
    return None
