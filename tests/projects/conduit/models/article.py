import re
from datetime import UTC, datetime

from mongoengine import DateTimeField, Document, IntField, ListField, ObjectIdField, StringField, ValidationError


def now():
    return datetime.now(UTC)


class Article(Document):
    slug = StringField(required=True, unique=True)
    title = StringField(required=True, max_length=200)
    description = StringField(required=True, max_length=1000)
    body = StringField(required=True, max_length=100_000)
    tags = ListField(StringField(max_length=50), max_length=20, db_field="tagList")
    author_id = ObjectIdField(required=True, db_field="authorId")
    favorites_count = IntField(default=0, db_field="favoritesCount")
    created_at = DateTimeField(default=now, db_field="createdAt")
    updated_at = DateTimeField(default=now, db_field="updatedAt")
    rev = IntField()

    meta = {"indexes": ["-created_at", ("author_id", "-created_at"), ("tags", "-created_at")]}

    def clean(self):
        self.slug = "-".join(re.findall(r"\w+", self.title.lower()))
        if not self.slug:
            raise ValidationError("has no word", field_name="title")
        self.tags = sorted(set(self.tags))
        self.updated_at = now()


class Comment(Document):
    article_id = ObjectIdField(required=True, db_field="articleId")
    author_id = ObjectIdField(required=True, db_field="authorId")
    body = StringField(required=True, max_length=10_000)
    created_at = DateTimeField(default=now, db_field="createdAt")
    updated_at = DateTimeField(default=now, db_field="updatedAt")

    meta = {"indexes": [("article_id", "-created_at")]}
