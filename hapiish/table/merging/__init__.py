"""Prepares the layers that are merged: defaults, groups, presets, route, override, in this order.

`presets` expands `use:`, `realms` has the scope of each table, `resources` expands resource routes, `order` sorts
extension functions by `before` and `after`.
"""
