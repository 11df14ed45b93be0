"""What every benchmark's run needs: its command line, its settings, its tables and files, a process of its own."""
