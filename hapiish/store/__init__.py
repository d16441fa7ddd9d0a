"""Runs MongoEngine on a real MongoDB.

Order: `local` starts a mongod (`keeper` supervises it) if no database is named, `connection` binds the models, `store`
ties them to one application, `indexes` compares or builds; `threads` runs blocking calls, which `watch` ends during an
outage; `transactions` (with `orphans`) and `errors` serve calls; `models` is `request.models`.
Import modules directly: `threads` and `models` load no database driver. `keeper` must import the standard library only.
"""
