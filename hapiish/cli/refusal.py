"""The one exception of the command line."""


class Refusal(Exception):
    """What was asked for cannot be done; the text is for the person who asked, after `hapiish: `."""
