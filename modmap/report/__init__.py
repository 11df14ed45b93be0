"""HTML: the pages of `modmap report`, and the cards that a notebook shows of scans and results."""
