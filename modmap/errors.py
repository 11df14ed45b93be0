"""The exceptions that modmap raises for input it cannot use."""


class ModMapError(ValueError):
    """Input that cannot be used.

    The message is one line that names the file or argument, what was expected and what was found, so that
    the command line can print it as it stands.
    """


class UsageError(ModMapError):
    """The command line was used wrongly."""
