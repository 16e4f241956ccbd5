"""Loaded by a worker: it knows each step to take moments, as one does that has run for a while."""

from spine_temporal.runtime.brief_steps import BriefSteps

BriefSteps.knows = lambda *_: True
