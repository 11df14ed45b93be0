"""Pictures: colours, overlays, tables and plots. Nothing here knows of HTML pages."""
