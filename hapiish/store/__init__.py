"""MongoEngine on a real MongoDB: connection, threads, model names, indexes and the local server of the default.

Import the module that is meant: `threads` and `models` load no database driver, the others do.
"""
