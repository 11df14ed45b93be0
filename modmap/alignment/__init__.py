"""Where a part lies in a new scan: its rigid motion from where the nominal one lay."""
