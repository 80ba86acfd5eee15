"""One file a platform: how it names what students hand in, and whose each is."""
