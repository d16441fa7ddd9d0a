"""The actions `list` and `get`: pages of documents, and one document with its entity tag."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.model.action import Action, Plain, path_of, problem
from hapiish.kinds.model.pages import Page
from hapiish.kinds.model.values import Unfit
from hapiish.types import Value


class List(Action):
    """Answers `{items, next}`: a page of the filtered and sorted documents.

    `next` is the cursor or offset of the next page. `total`, the number of documents, is added if the table wants it.
    """

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        resource, query = self.resource, request.query
        conditions = [resource.condition(request)]
        try:
            page = resource.pages.requested(query)
            conditions += [each.condition(query[name]) for name, each in resource.filters.items() if name in query]
        except Unfit as fault:
            raise self.on_failure.failure("query", [problem(fault)]) from None
        names = self.selection(request)
        rows, following, total = await self.work(self._page, conditions, page, names)
        items = [await self.represented(request, row, names) for row in rows]
        counted = {} if total is None else {"total": total}
        response = h.response({"items": items, "next": following, **counted})
        if following is not None:
            next_query = urlencode({**query, page.parameter: following}, doseq=True, quote_via=quote)
            response.header("link", f'<{path_of(request)}?{next_query}>; rel="next"')
        return response

    def _page(self, conditions: list[Plain], page: Page, names: Sequence[str] | None) -> Value:
        total = self.cls.objects(__raw__=_all(conditions)).count() if self.resource.pages.counts else None
        projection = self.projection(names, *(key.path for key in page.order.keys))
        where = _all([*conditions, *page.conditions])
        rows = self.find(where, projection, order=page.order, skip=page.offset, limit=page.limit + 1)
        return rows[: page.limit], self.resource.pages.following(page, rows), total


def _all(conditions: list[Plain]) -> Plain:
    return {"$and": conditions} if len(conditions) > 1 else conditions[0]


class Get(Action):
    """Answers one document."""

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        names = self.selection(request)
        row = await self.work(self._get, self.resource.condition(request), names)
        return await self.answer(request, h, row, names)

    def _get(self, condition: Plain, names: Sequence[str] | None) -> Plain:
        version = self.resource.version
        # A hash covers all visible fields, regardless of the selected ones.
        projection = self.projection(None) if version is None else self.projection(names, version.name)
        row = self.first(condition, projection)
        if row is None:
            raise boom.NotFound
        return row
