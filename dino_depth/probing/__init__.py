"""What a probe measures of an encoder, and the pictures it draws."""
