"""What a scan holds, before any work is spent on it."""
