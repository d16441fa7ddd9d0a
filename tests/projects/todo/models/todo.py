from datetime import UTC, datetime

from mongoengine import (
    BooleanField,
    DateTimeField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    StringField,
    ValidationError,
)


class Place(EmbeddedDocument):
    name = StringField(required=True, max_length=40)
    street = StringField()


class Board(Document):
    slug = StringField(required=True, unique_with="user_id", regex="[a-z][a-z0-9-]*$", max_length=40)
    title = StringField(required=True, max_length=100)
    user_id = StringField(db_field="userId", required=True)


class Todo(Document):
    title = StringField(required=True, max_length=100)
    done = BooleanField(default=False)
    priority = IntField(min_value=0, max_value=9)
    due_at = DateTimeField(db_field="dueAt")
    tags = ListField(StringField(max_length=20), max_length=5)
    place = EmbeddedDocumentField(Place)
    board = StringField(required=True)
    user_id = StringField(db_field="userId", required=True)
    created_at = DateTimeField(db_field="createdAt", default=lambda: datetime.now(UTC))

    meta = {"indexes": [("user_id", "board", "-created_at")]}

    def clean(self):
        if self.done and self.title == "nothing":
            raise ValidationError("nothing cannot be done")
