"""Python plugins: `registration` imports and registers those of a table; the other modules are plugins of hapiish."""

from hapiish.plugins.registration import COMMANDS, Plugin, Plugins, Registration, load

__all__ = ["COMMANDS", "Plugin", "Plugins", "Registration", "load"]
