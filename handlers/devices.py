"""Devices of the caller that get push notifications."""

from typing import Any

from hapiish import Request, Toolkit


def index(request: Request, h: Toolkit) -> list[dict[str, Any]]:
    """Lists the caller's devices, the last registered first. Push tokens are secrets and are not listed."""
    devices: list[dict[str, Any]] = request.models.Device.list_of(request.auth.credentials["id"])
    return devices


def put(request: Request, h: Toolkit) -> None:
    """Registers a device or its new push token: 204. Another device that has the token, of any user, is removed."""
    mine, given = request.auth.credentials, request.payload
    request.models.Device.put(
        mine["id"],
        request.params["deviceId"],
        given["token"],
        given["platform"],
        session_id=mine.get("sessionId"),
        most=request.route.settings.app["devices"]["max"],
    )


def remove(request: Request, h: Toolkit) -> None:
    """Removes a device: 204, also if there is none."""
    request.models.Device.remove(request.auth.credentials["id"], request.params["deviceId"])
