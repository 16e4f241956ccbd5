"""Spine's core, as far as its names are spine-temporal's. A real Spine's package goes before this module."""

#: Where its submodules are: a folder that no other distribution has.
__path__ = [f"{__file__.rpartition('core.')[0]}_temporal/core"]
