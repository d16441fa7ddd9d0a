"""The chat's documents. Every method takes and returns plain data, ids as text, so that nothing lazy leaves the pool.

Handlers reach the classes by their names in the table (`request.models.User`), never by import: another project may
put its own class in the place of one of these, as long as it answers the methods that docs/chat.md lists.
"""
