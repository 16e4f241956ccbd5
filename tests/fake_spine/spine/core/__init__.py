"""Errors as a real Spine has them."""


class TransientError(Exception):
    category = "NETWORK"
    retryable = True


class ValidationError(Exception):
    category = "VALIDATION"
    retryable = False
