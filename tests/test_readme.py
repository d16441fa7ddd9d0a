"""The examples of the README work."""

import re
from pathlib import Path

import pytest

from hapiish import create_app
from hapiish.testing import inject

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(language: str, containing: str) -> str:
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text]
    assert len(found) == 1
    return str(found[0])


@pytest.mark.anyio
async def test_an_endpoint_is_an_entry_of_yaml_and_a_function(tmp_path: Path) -> None:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "hello.py").write_text(block("python", "async def greet"))
    (tmp_path / "routes.yaml").write_text("routes:\n" + block("yaml", "handlers.hello:greet"))
    app = create_app(tmp_path / "routes.yaml", env={})
    shown = block("console", "curl")
    for url, answer in re.findall(r"\$ curl 'http://127\.0\.0\.1:3000(\S+)'\n(.*)\n", shown):
        text = (await inject(app, url=url)).text
        assert text.startswith(answer.rstrip("…"))
    assert shown.count("$ curl") == 2
