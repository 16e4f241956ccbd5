"""A distribution of the shape of a real Spine, as far as its definitions go; tests copy it into a folder."""
