"""The exceptions that modmap raises for input it cannot use, and another library's error as one line."""


class ModMapError(ValueError):
    """Input that cannot be used.

    The message is one line that names the file or argument, what was expected and what was found, so that
    the command line can print it as it stands.
    """


class UsageError(ModMapError):
    """The command line was used wrongly."""


def one_line(error: BaseException, longest: int | None = None) -> str:
    """What an error says, all white space in it a single space; the name of its type where it says nothing.

    Args:
        error: Any.
        longest: Characters that are kept; None: all.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:longest]
