"""Settings come from the project's file, found upwards, and from the environment, which wins."""

from pathlib import Path

import pytest

from spine_temporal import SpineError
from spine_temporal.settings import Settings


@pytest.fixture
def project(tmp_path):
    """A project's folder; a function that writes its file and reads the settings from a folder deep in it."""
    deep = tmp_path / "project" / "deep" / "er"
    deep.mkdir(parents=True)

    def read(text=None, name="spine.toml", folder=deep, **environ):
        if text is not None:
            (tmp_path / "project" / name).write_text(text)
        return Settings.from_environment(environ, folder)

    return read


def test_without_a_marker_the_home_is_here(project):
    settings = project()
    assert (settings.home, settings.project, settings.modules) == (Path(".spine"), None, ("activities", "workflows"))


@pytest.mark.parametrize(("name", "head"), [("spine.toml", ""), ("pyproject.toml", "[tool.spine]\n")])
def test_the_file_is_found_upwards_and_its_paths_begin_at_its_folder(project, tmp_path, name, head):
    text = (
        f'{head}modules = ["jobs", "checks/extra.py"]\ntask_queue = "weekly"\nmax_activities = 3\nhome = "data/spine"\n'
    )
    settings = project(text, name)
    root = tmp_path / "project"
    assert settings.project == root
    assert settings.home == root / "data" / "spine"
    assert settings.modules == ("jobs", str(root / "checks" / "extra.py"))
    assert (settings.task_queue, settings.max_activities, settings.grace) == ("weekly", 3, 20)


def test_a_file_that_names_no_home_has_it_beside_itself(project, tmp_path):
    assert project("").home == tmp_path / "project" / ".spine"


def test_the_environment_wins_over_the_file(project):
    settings = project('task_queue = "file"\ngrace = 5\n', SPINE_TASK_QUEUE="variable", SPINE_GRACE=" ")
    assert (settings.task_queue, settings.grace) == ("variable", 5)
    assert project(SPINE_MODULES="a, b.c d/e.py").modules == ("a", "b.c", "d/e.py")
    assert project(SPINE_HOME="elsewhere").home == Path("elsewhere")


def test_an_existing_home_upwards_is_used_where_there_is_no_file(project, tmp_path):
    (tmp_path / "project" / ".spine").mkdir()
    settings = project()
    assert (settings.home, settings.project) == (tmp_path / "project" / ".spine", tmp_path / "project")


def test_a_file_further_up_wins_over_a_home_that_was_left_below(project, tmp_path):
    (tmp_path / "project" / "deep" / ".spine").mkdir()
    assert project('task_queue = "weekly"').home == tmp_path / "project" / ".spine"


def test_the_nearest_file_wins_and_a_pyproject_of_others_is_none(project, tmp_path):
    (tmp_path / "project" / "deep" / "pyproject.toml").write_text('[project]\nname = "about-spine"\n')
    assert project('task_queue = "outer"').task_queue == "outer"
    (tmp_path / "project" / "deep" / "spine.toml").write_text('task_queue = "inner"')
    assert project().task_queue == "inner"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("task_que = 'x'", "task_que in FILE is unknown: allowed are home, database_url,"),
        ("task_que = 'x'", "did you mean 'task_queue'?"),
        ("project = 'x'", "project in FILE is unknown"),
        ("x = = 3", "FILE is not TOML: Invalid value (at line 1, column 5)"),
        ("max_activities = 'many'", "max_activities in FILE is 'many': it must be a whole number from 1"),
        ("max_activities = 0", "max_activities in FILE is 0: it must be a whole number from 1"),
        ("grace = inf", "grace in FILE is inf: it must be a number of seconds from 0"),
        ("home = 3", "home in FILE is 3: it must be a folder"),
        ("modules = 3", "modules in FILE is 3: it must be names of packages or modules, or paths of .py files"),
        ("modules = ['a/b']", "modules in FILE is ['a/b']: it must be names"),
        ("task_queue = ''", "task_queue in FILE is '': it must be a name"),
        ("health_address = '8080'", "health_address in FILE is '8080': it must be host:port, for example 0.0.0.0:8080"),
        (
            "database_url = 'mysql://u:secret@h/d'",
            "database_url in FILE is not a URL of Postgres: it must be like postgresql",
        ),
    ],
)
def test_what_is_wrong_in_a_file_names_it_the_key_and_what_is_allowed(project, tmp_path, text, words):
    with pytest.raises(SpineError) as error:
        project(text)
    assert words.replace("FILE", str(tmp_path / "project" / "spine.toml")) in str(error.value)
    assert "secret" not in str(error.value)


def test_a_key_of_a_shared_file_is_named_with_its_table(project, tmp_path):
    with pytest.raises(SpineError, match=r"tool\.spine\.grace in .*pyproject\.toml is -1: it must be"):
        project("[tool.spine]\ngrace = -1", "pyproject.toml")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SPINE_MAX_ACTIVITIES", "abc", "SPINE_MAX_ACTIVITIES is 'abc': it must be a whole number from 1"),
        ("SPINE_GRACE", "-1", "SPINE_GRACE is '-1': it must be a number of seconds from 0"),
        ("SPINE_MODULES", "a b/c", "SPINE_MODULES is 'a b/c': it must be names of packages or modules, or"),
    ],
)
def test_what_is_wrong_in_a_variable_names_it(project, variable, value, words):
    with pytest.raises(SpineError) as error:
        project(**{variable: value})
    assert str(error.value).startswith(words)
    assert str(error.value).endswith(f": {error.value.advice}")


def test_a_variable_that_is_nearly_one_of_ours_is_refused_and_a_services_own_is_not(project):
    for misspelled, meant in (("SPINE_MODULE", "SPINE_MODULES"), ("SPINE_TASKQUEUE", "SPINE_TASK_QUEUE")):
        with pytest.raises(SpineError, match=f"the variable {misspelled} is unknown; did you mean {meant}\\?"):
            project(**{misspelled: "x"})
    assert project(SPINE_FINRA_API_URL="x", SPINE_TEMPORAL_ADDRESS="x", SPINE_PORT="x", SPINES="x") == project()
