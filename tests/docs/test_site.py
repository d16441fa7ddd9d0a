"""The documentation is a site of static pages: links lead somewhere, the search finds, nothing needs a network."""

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from website import build, contents
from website.build import ROOT, Site, address
from website.page import read, slug

SCRIPT = ROOT / "website" / "site.js"


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@pytest.fixture(scope="module")
def out(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site.write(folder)
    return folder


class Links(HTMLParser):
    """Collects the links, sources and anchors of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name == "href" and tag == "a" and value:
                self.links.append(value)
            elif name in ("href", "src") and value:
                self.loaded.append(value)


def test_every_link_leads_somewhere_and_every_page_is_reached(site: Site) -> None:
    assert site.faults() == []


def test_every_link_of_the_written_site_leads_to_a_file_and_an_anchor(out: Path) -> None:
    pages = {file: Links(file) for file in out.rglob("*.html")}
    broken = []
    for file, page in pages.items():
        for link in (each for each in [*page.links, *page.loaded] if not re.match(r"[a-z]+:", each)):
            name, _, anchor = link.partition("#")
            there = (file.parent / name).resolve() if name else file
            if not there.is_file() or (anchor and there in pages and anchor not in pages[there].ids):
                broken.append(f"{file.relative_to(out)}: {link}")
    assert broken == []


def test_a_page_loads_nothing_from_another_host(out: Path) -> None:
    for file in out.rglob("*.html"):
        assert [link for link in Links(file).loaded if re.match(r"(https?:)?//", link)] == []
    for name in ("site.js", "style.css"):
        assert "http" not in (out / name).read_text()


def test_the_search_finds_each_page_by_its_title(site: Site) -> None:
    index, titles = list(site.index()), [page.title for page in site.pages.values()]
    program = """
        const { search } = require(process.argv[1]);
        const { index, titles } = JSON.parse(require("fs").readFileSync(0));
        console.log(JSON.stringify(titles.map((title) => search(index, title, 60).map((entry) => entry[0]))));
    """
    found = subprocess.run(
        ["node", "-e", program, str(SCRIPT)],
        input=json.dumps({"index": index, "titles": titles}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [title for title, pages in zip(titles, json.loads(found.stdout), strict=True) if title not in pages] == []


def test_the_search_wants_all_words_and_puts_titles_first() -> None:
    index = [
        ["Guide", "Cookies", "guide.html#cookies", "A cookie of the session."],
        ["Guide", "Limits", "guide.html#limits", "Sessions and limits. Cookies too."],
        ["Store", "", "store.html", "Nothing (of) that kind"],
    ]
    program = """
        const { search, excerpt } = require(process.argv[1]);
        const index = JSON.parse(process.argv[2]);
        const queries = ["cookies", "cookies session", "limits cookies", "(of)", "  ", "absent"];
        console.log(JSON.stringify([queries.map((query) => search(index, query).map((entry) => entry[2])),
                                    excerpt("one two three", "three", 5)]));
    """
    found = subprocess.run(
        ["node", "-e", program, str(SCRIPT), json.dumps(index)], capture_output=True, text=True, check=True
    )
    cookies, limits, store = (entry[2] for entry in index)
    assert json.loads(found.stdout) == [
        [[cookies, limits], [cookies, limits], [limits], [store], [], []],
        "one t…",
    ]


def test_a_broken_link_a_missing_section_and_a_lost_page_are_faults(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "README.md").write_text("# Home\n\n## Start\n\n- [One](one.md)\n- [Gone](gone.md)\n")
    (docs / "one.md").write_text("# One\n\n[a](two.md#second) [b](two.md#third) [c](three.md) [d](#one) [e](#two)\n")
    (docs / "three").mkdir()
    (docs / "three" / "inner.md").write_text("# Inner\n")
    (docs / "two.md").write_text('# Two\n\n## Second\n\n<a id="other"></a>\n')
    assert Site(tmp_path).faults() == [
        "docs/README.md: no file docs/gone.md (gone.md)",
        "docs/one.md: no section third in docs/two.md",
        "docs/one.md: no file docs/three.md (three.md)",
        "docs/one.md: no section two in docs/one.md",
        "Start: no page docs/gone.md",
        "docs/three/inner.md: not in docs/README.md",
        "docs/two.md: not in docs/README.md",
    ]
    (docs / "README.md").write_text("# Home\n\n## Start\n\n- [One](one.md)\n- [Two](two.md)\n- [Three](three.md)\n")
    (docs / "three.md").write_text("# Three\n")
    (docs / "one.md").write_text("# One\n\n[a](three/inner.md)\n")
    site = Site(tmp_path)
    assert site.faults() == []
    site.write(tmp_path / "out")
    assert ">Inner</a>" in (tmp_path / "out" / "three.html").read_text()
    assert ">Inner</a>" not in (tmp_path / "out" / "two.html").read_text()


def test_the_command_exits_with_1_if_a_link_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.main([str(tmp_path / "one")]) == 0
    assert (tmp_path / "one" / "index.html").is_file()
    monkeypatch.setattr(Site, "faults", lambda self: ["docs/one.md: no file"])
    assert build.main([str(tmp_path / "two")]) == 1
    assert capsys.readouterr().err == "docs/one.md: no file\n"


def test_headings_have_the_anchors_of_github() -> None:
    page = read("docs/x.md", "# `a.b` & C\n\n## Twice\n\n## Twice\n\n```text\n# no heading\n```\n")
    assert [section.anchor for section in page.sections[1:]] == ["ab--c", "twice", "twice-1"]
    assert slug("Reload and stop, in production") == "reload-and-stop-in-production"


def test_an_address_is_the_path_below_docs() -> None:
    assert [address(path) for path in ("docs/README.md", "docs/reference/README.md", "docs/x.md", "CHANGELOG.md")] == [
        "index.html",
        "reference/index.html",
        "x.html",
        "changelog.html",
    ]


def test_a_page_shows_its_place_and_its_neighbours(out: Path, site: Site) -> None:
    order = [path for part in site.parts for path in part.paths]
    for place, path in enumerate(order):
        text = (out / address(path)).read_text()
        assert text.count('aria-current="page"') == 1
        assert ('rel="prev"' in text) == (place > 0)
        assert ('rel="next"' in text) == (place < len(order) - 1)
    assert contents.HOME not in order
