"""The commands of the command line, a file each; heavy modules are imported when a command runs."""
