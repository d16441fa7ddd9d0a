"""The grammar of templates: every text is parsed or refused, and doubled braces are literal."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.grammar.template import Template, TemplateError, Value, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("a", ("a",)),
        ("{params.id}", (Value("params", ("id",)),)),
        ("u-{credentials.sub}", ("u-", Value("credentials", ("sub",)))),
        ("{params.a}/{params.b}", (Value("params", ("a",)), "/", Value("params", ("b",)))),
        ("{pre.article.id}", (Value("pre", ("article", "id")),)),
        ("{headers.x-key}", (Value("headers", ("x-key",)),)),
        ("{{a}}", ("{a}",)),
        ("{{{params.a}}}", ("{", Value("params", ("a",)), "}")),
        ("{params}", (Value("params", ()),)),
    ],
)
def test_a_template_is_texts_and_values(text: str, parts: tuple[str | Value, ...]) -> None:
    assert parse(text) == Template(parts)


@pytest.mark.parametrize(
    "text", ["{", "}", "{a", "a}", "{credentials.sub", "credentials.sub}", "{}", "{.}", "{a.}", "{a..b}", "{ a.b }"]
)
def test_braces_that_do_not_belong_together_are_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        parse(text)


@given(st.text(alphabet="{}ab. ", max_size=40))
def test_a_template_says_again_what_was_read(text: str) -> None:
    try:
        parts = parse(text).parts
    except TemplateError:
        return
    said = [str(part) if isinstance(part, Value) else part.replace("{", "{{").replace("}", "}}") for part in parts]
    assert "".join(said) == text
    assert not any(isinstance(one, str) and isinstance(two, str) for one, two in pairwise(parts))


@given(st.text())
def test_a_text_whose_braces_are_doubled_is_that_text(text: str) -> None:
    assert "".join(parse(text.replace("{", "{{").replace("}", "}}")).texts) == text
