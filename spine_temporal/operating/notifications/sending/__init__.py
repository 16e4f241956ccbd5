"""How a message goes out, one module for each kind of channel."""
