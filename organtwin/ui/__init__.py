"""The window: session (the one door to work), pages (one per arrow), views. Only here is Qt."""
