"""The command line. Modules that talk to servers are imported by the commands that need them."""
