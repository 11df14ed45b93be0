"""A nominal scan made of a drawing: the part laid where a scanned one lies, and seen by the same cameras."""
