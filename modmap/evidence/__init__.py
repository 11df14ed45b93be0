"""Sources of evidence beside the mappings: what of a scan isn't as on a good part."""
