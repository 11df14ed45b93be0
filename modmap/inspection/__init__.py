"""Whether a scan shows the part, at the scale of the nominal one: asked before anything is said of what it shows."""
