"""One module per platform: recognises the names it gives to uploads, and reads the submissions."""
