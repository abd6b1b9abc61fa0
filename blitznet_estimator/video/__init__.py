"""Videos: what names them, reading and writing."""
