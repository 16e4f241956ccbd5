"""The corpus: a small module per file, whose first line says what is found in it, as code@line."""

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path

from spine_temporal import Pipeline, register_pipeline
from spine_temporal.checks.linter import check
from spine_temporal.checks.loaded import ImportFailure, Loaded
from spine_temporal.checks.sources import Sources

CORPUS = Path(__file__).parent / "corpus"
HEADER = "# expect: "
#: Read once for all cases.
SOURCES = Sources()


def names(prefix=""):
    return sorted(path.stem for path in CORPUS.glob(f"{prefix}*.py"))


def expected(name):
    said = (CORPUS / f"{name}.py").read_text().partition("\n")[0].removeprefix(HEADER)
    return set() if said == "nothing" else set(said.split())


def register_shop():
    """Register the pipelines that the corpus names."""

    @register_pipeline("shop.ingest")
    class Ingest(Pipeline):
        def run(self):
            return {"row_count": 1, "error_count": 0}

    @register_pipeline("shop.normalize")
    class Normalize(Pipeline):
        def run(self):
            return {"row_count": 1, "null_rate": 0.0}

    @register_pipeline("shop.aggregate")
    class Aggregate(Pipeline):
        def run(self):
            metrics = {"total": 1}
            metrics["symbols"] = 2
            return metrics

    @register_pipeline("shop.publish")
    class Publish(Pipeline):
        def run(self):
            return None

    @register_pipeline("shop.publish_parts")
    class PublishParts(Pipeline):
        transactional = False

        def run(self):
            return None

    @register_pipeline("shop.list_days")
    class ListDays(Pipeline):
        def run(self):
            return {"days": []}

    @register_pipeline("shop.dynamic")
    class Dynamic(Pipeline):
        def run(self):
            return dict(self.params)


@contextmanager
def loaded(path):
    """Import a file as a module of its own, for a while."""
    name = f"case_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        outcome = Loaded(modules=[module], sources=SOURCES)
    except Exception as error:  # noqa: BLE001 - a case may raise anything
        outcome = Loaded(modules=[], failures=[ImportFailure(name=name, error=error)], sources=SOURCES)
    yield outcome
    del sys.modules[name]


def checked(path, project=None, settings=None):
    with loaded(path) as modules:
        return check(modules, settings, project)


def found(report):
    return {f"{finding.code}@{finding.place.line}" for finding in report.findings}
