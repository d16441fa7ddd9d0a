"""Handlers of articles beyond the CRUD resource."""

from handlers.users import caller


def author(document, request):
    me, user_id = caller(request), document["authorId"]
    profile = request.server.methods.profiles.load(str(user_id))
    return {**profile, "following": me is not None and user_id in me.following}


def favorited(document, request):
    me = caller(request)
    return me is not None and document["_id"] in me.favorites


def identity(document, request):
    return document["_id"]


def view(article, request):
    document = article.to_mongo()
    shown = ("slug", "title", "description", "body", "tagList", "createdAt", "updatedAt", "favoritesCount")
    stored = {name: document.get(name) for name in shown}
    return {**stored, "favorited": favorited(document, request), "author": author(document, request)}


def find(request, h):
    """Before handlers below an article: `request.pre["article"]`."""
    return request.models.Article.objects.get(slug=request.params["slug"])


def list(request, h):
    models, query, articles = request.models, request.query, request.models.Article.objects
    if "tag" in query:
        articles = articles.filter(tags=query["tag"])
    if "author" in query:
        user = models.User.objects(username=query["author"]).first()
        articles = articles.filter(author_id=user and user.id)
    if "favorited" in query:
        user = models.User.objects(username=query["favorited"]).first()
        articles = articles.filter(id__in=user.favorites if user else [])
    return page(articles, request)


def feed(request, h):
    return page(request.models.Article.objects(author_id__in=caller(request).following), request)


def page(articles, request):
    offset, limit = request.query["offset"], request.query["limit"]
    found = articles.order_by("-created_at", "-id").skip(offset).limit(limit)
    return {"articles": [view(each, request) for each in found], "articlesCount": articles.count()}


def favor(request, h):
    """Puts the article among the caller's favorites, or takes it out, and counts that: both or neither."""
    article, models, yes = request.pre["article"], request.models, request.method == "post"
    mine = models.User.objects(id=caller(request).id)

    def change():
        if yes:
            changed = mine.filter(favorites__ne=article.id).update_one(push__favorites=article.id)
        else:
            changed = mine.filter(favorites=article.id).update_one(pull__favorites=article.id)
        if changed:
            models.Article.objects(id=article.id).update_one(inc__favorites_count=1 if yes else -1, inc__rev=1)

    request.server.store.transact(change)
    return {**view(article.reload(), request), "favorited": yes}


def tags(request, h):
    return {"tags": request.models.Article.objects.distinct("tags")}
