"""What can't be published."""


class PublishError(ValueError):
    """An encoder that can't be published; one line: the file or setting, what was expected, what was found."""
