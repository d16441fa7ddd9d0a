from mongoengine import Document, EmailField, ListField, ObjectIdField, StringField


class User(Document):
    username = StringField(required=True, unique=True, max_length=60)
    email = EmailField(required=True, unique=True)
    password_hash = StringField(required=True)
    bio = StringField(max_length=2000)
    image = StringField(max_length=2000)
    following = ListField(ObjectIdField())
    favorites = ListField(ObjectIdField())

    def profile(self):
        return {"username": self.username, "bio": self.bio, "image": self.image}
