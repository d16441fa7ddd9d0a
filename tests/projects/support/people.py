"""The project's user model with badges, the methods that the chat requires, and its authentication scheme."""

from bson import ObjectId
from mongoengine import Document, ListField, ObjectIdField, StringField

from hapiish import boom


class Person(Document):
    badge = StringField(required=True, unique=True)
    banned = ListField(ObjectIdField())

    meta = {"collection": "people", "auto_create_index": False}

    @classmethod
    def issue(cls, badge):
        return str(cls(badge=badge).save().id)

    @classmethod
    def account(cls, user_id):
        found = cls.objects(id=user_id).first()
        return found and {"_id": str(found.id), "fullName": found.badge, "email": f"{found.badge}@example.org"}

    @classmethod
    def is_barred(cls, one_id, other_id):
        return cls.objects(id=one_id, banned=ObjectId(other_id)).first() is not None


class BadgeScheme:
    """`Authorization: Bearer B7`: whoever shows a badge is who it belongs to."""

    def __init__(self, server, options):
        pass

    def authenticate(self, request, h):
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        person = request.models.User.objects(badge=shown).first()
        if person is None:
            return h.unauthenticated(boom.Unauthorized("Show your badge", scheme="Bearer"))
        return h.authenticated(credentials={"id": str(person.id), "badge": shown})
