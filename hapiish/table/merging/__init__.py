"""Lays options upon each other: defaults, groups, presets, route, override, in this order (DESIGN §3).

`presets` expands `use:`, `realms` holds the layers of each used table, `resources` writes out resource routes, `order`
sorts extension functions by `before` and `after`.
"""
