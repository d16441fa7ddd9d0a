"""Merges layers of options: defaults, groups, presets, route, override, in this order.

`table.draft.layout` collects the layers of each route and event. `merge` merges two layers by the rules that the
options declare; `scope` holds the layers of a place, `realms` those of each table. `presets` expands `use:`,
`resources` expands resource routes, `extension_order` sorts extension functions.
"""
