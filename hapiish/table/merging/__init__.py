"""Merges layers of options: defaults, groups, presets, route, override, in this order.

`merge` merges two layers by the rules that the options declare; `scope` holds the layers of a place, `realms` those of
each table. `presets` expands `use:`, `resources` expands resource routes, `order` sorts extension functions.
"""
