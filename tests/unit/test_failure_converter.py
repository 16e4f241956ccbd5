"""A failure of ours carries no frame of a library into Temporal; those of others are left as they are."""

import json

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    FailureConverter,
)
from temporalio.exceptions import ApplicationError

from spine_temporal import WorkflowContext
from spine_temporal.translation.decisions import decision_of
from spine_temporal.translation.failure_converter import failure_converter_of

PAYLOADS = DataConverter.default.payload_converter


def failure_of(call, existing=DefaultFailureConverter):
    failure = Failure()
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is converted
        failure_converter_of(existing)().to_failure(error, PAYLOADS, failure)
        assert error.__traceback__ is not None
    return failure


def _refused_by_us():
    decision_of("waive", {}, None, {})


def _through_us():
    try:
        WorkflowContext(outputs={"a": {}}).get_output("a")["nope"]
    except KeyError as error:
        raise ApplicationError("read", type="DATA_QUALITY") from error


def _their_own():
    json.loads("{")


def test_a_failure_of_ours_has_message_and_type_and_the_users_frames_alone():
    failure = failure_of(_refused_by_us)
    assert failure.message.startswith("by: Field required")
    assert failure.application_failure_info.type == "CONFIGURATION"
    assert "spine_temporal" not in failure.stack_trace
    assert "in _refused_by_us" in failure.stack_trace
    cause = failure_of(_through_us).cause
    assert "in _through_us" in cause.stack_trace
    assert "in __missing__" not in cause.stack_trace


def test_a_failure_that_did_not_come_through_us_is_left_as_it_is():
    assert "json/decoder.py" in failure_of(_their_own).stack_trace


def test_what_a_codec_encrypts_is_cut_before():
    failure = failure_of(_refused_by_us, DefaultFailureConverterWithEncodedAttributes)
    assert failure.message == "Encoded failure"
    [attributes] = PAYLOADS.from_payloads([failure.encoded_attributes])
    assert attributes["message"].startswith("by: Field required")
    assert "spine_temporal" not in attributes["stack_trace"]


class Own(FailureConverter):
    pass


@pytest.mark.parametrize("kind", [Own])
def test_a_failure_converter_of_the_users_own_is_kept(kind):
    assert failure_converter_of(kind) is kind
