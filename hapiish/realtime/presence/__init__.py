"""Presence: the users with a connected socket, in this process and in all processes of the service."""

from hapiish.realtime.presence.change import PresenceChange
from hapiish.realtime.presence.presence import Presence

__all__ = ["Presence", "PresenceChange"]
