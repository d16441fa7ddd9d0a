"""The erasure of an account: the request ends the account at once, and the sweeper removes the rest.

The rest is devices, drafts, memberships of groups and entries in lists of friends. With the setting `eraseMessages` it
is also the content of messages, and files. The sweeper begins again after a crash; each step can be repeated.
"""

from typing import Any

from hapiish import Request, Toolkit, boom

from . import sweeper
from .changes import publish
from .groups import leave_all
from .hashing import hashing
from .sessions import end_sessions
from .settings import settings


def erase(request: Request, h: Toolkit) -> None:
    """Erases the caller's account after its password is verified: 204; 401 `bad_credentials`."""
    me, users = request.auth.credentials["id"], request.models.User
    if not hasattr(users, "erase"):  # another project's class
        raise boom.NotImplemented("Accounts are erased elsewhere")
    with hashing(request) as options:
        is_erased = users.erase(me, request.payload["password"], hashing=options)
    if not is_erased:
        raise boom.Unauthorized("Wrong password", code="bad_credentials")
    end_sessions(request.server, me, None, "revoked")


def remove_rest(server: Any) -> None:
    """Removes the rest of up to 100 erased accounts. An error of one account does not hold up the others."""
    users, failure = server.models.User, None
    for user_id in users.unfinished(100) if hasattr(users, "unfinished") else ():
        try:
            _remove(server, user_id)
            users.erased(user_id)
        except Exception as error:  # noqa: BLE001 - raised below, for the sweeper to report
            failure = error
    if failure is not None:
        raise failure


def _remove(server: Any, user_id: str) -> None:
    models = server.models
    models.Device.remove_of(user_id)
    if hasattr(models, "UserPresence"):
        models.UserPresence.forget(user_id)
    models.User.forget(user_id)
    is_thorough = settings(server)["eraseMessages"]
    if is_thorough:
        for conversation_id in models.User.conversations_of(user_id):
            for message in models.User.messages_of(user_id, conversation_id):
                _remove_content(server, message)
    if hasattr(models, "Attachment"):
        end = models.Attachment.remove_of if is_thorough else models.Attachment.release_of
        end(user_id)
    leave_all(server, user_id)


def _remove_content(server: Any, message: dict[str, Any]) -> None:
    """Deletes a message for all in the name of its author, also if the author has deleted it for themselves."""
    if "deletedAt" in message:  # a repeated run must spend its time on the messages that are left
        return
    models, conversation_id, author = server.models, str(message["conversationId"]), str(message["userId"])
    models.User.unhide(message)
    removed = models.Message.remove(conversation_id, message["seq"], author, is_admin=False)
    if removed.outcome == "changed":
        publish(server, models.Message, message["_id"], removed.entries)
        if hasattr(models, "Attachment"):
            models.Attachment.release(removed.before)


sweeper.register("erasures", 10, remove_rest, deadline=60)
