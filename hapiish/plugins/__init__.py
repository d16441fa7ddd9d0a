"""Python plugins: `registration` imports and registers those of a table; the other modules are plugins of hapiish."""

from hapiish.plugins.registration import Plugin, Plugins, Registration, load

__all__ = ["Plugin", "Plugins", "Registration", "load"]
