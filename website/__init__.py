"""The documentation as a site of static pages, made of `docs/` without a network:  scripts/docs [FOLDER]

`contents` reads the navigation from docs/README.md, `page` turns Markdown into HTML, `build` writes the site and checks
its links. Pages work from a folder (file://): links are relative, nothing is fetched, the search has its index in a
script.
"""
