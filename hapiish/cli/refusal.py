"""The exception of the command line."""


class Refusal(Exception):
    """Raised if a command cannot run; the message is printed after `hapiish: `."""
