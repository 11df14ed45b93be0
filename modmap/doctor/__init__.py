"""What a machine has of what modmap needs, and how fast it is."""
