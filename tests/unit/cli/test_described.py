"""What ``info WORKFLOW`` says of a workflow: where it is, what it takes, what a run works on."""

import datetime
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from spine_temporal import Step, Workflow
from spine_temporal.cli.described import described, print_workflow
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.settings import Settings
from tests.conftest import ROOT


class Params(BaseModel):
    day: datetime.date
    tier: Literal["NMS", "OTC"] = "OTC"
    shops: list[str] = Field(default_factory=list, alias="in")
    api_token: str = "t0p-5ecret-0f-ours"


def workflow(**given):
    return Workflow(name="shop.daily", steps=[Step.pipeline("load", "shop.load")], **given)


def test_its_params_are_those_of_its_model():
    told = described(workflow(params_model=Params, partition_by=["day"]), "jobs.DAILY")
    assert told["params"][:3] == [
        {"name": "day", "type": "date", "required": True},
        {"name": "tier", "type": "Literal['NMS', 'OTC']", "required": False, "default": "OTC"},
        {"name": "in", "type": "list[str]", "required": False},
    ]
    assert (told["source"], told["partition_by"], told["steps"]) == ("jobs.DAILY", ["day"], ["load"])


def test_without_a_model_it_takes_any():
    told = described(workflow(), "jobs.DAILY")
    assert (told["params"], told["partition_by"]) == (None, ["all params"])


FILE = """from pydantic import BaseModel
from spine_temporal import Step, Workflow


class Params(BaseModel):
    day: str
    api_token: str = "t0p-5ecret-0f-ours"


DAILY = Workflow(name="shop.daily", params_model=Params, steps=[Step.wait("settle", 1)])
"""


def test_a_place_stands_for_a_name_and_a_secret_is_masked(tmp_path, capsys):
    (tmp_path / "described_shop.py").write_text(FILE)
    settings = Settings(modules=(), project=ROOT)
    print_workflow(settings, f"{tmp_path}/described_shop.py:DAILY", as_json=False)
    told = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == ["workflow", "shop.daily"]
    assert told[-3:] == [
        ["steps", "settle"],
        ["param", "day: str, required"],
        ["param", "api_token: str, default ***"],
    ]
    with pytest.raises(DefinitionError, match="has no workflow 'DAYLY': it has DAILY; did you mean 'DAILY'"):
        print_workflow(settings, f"{tmp_path}/described_shop.py:DAYLY", as_json=False)
