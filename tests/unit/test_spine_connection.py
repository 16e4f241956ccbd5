"""Spine's question marks, as psycopg's placeholders."""

import pytest

from spine_temporal.recording.spine_connection import with_percent_marks


@pytest.mark.parametrize(
    ("sql", "put"),
    [
        ("VALUES (?, ?)", "VALUES (%s, %s)"),
        ("a = ? AND b = '?' AND c = 'it''s ?'", "a = %s AND b = '?' AND c = 'it''s ?'"),
        ('"what?" = ?', '"what?" = %s'),
        ("a -- why?\n = ?", "a -- why?\n = %s"),
        ("a /* why?\n? */ = ?", "a /* why?\n? */ = %s"),
        ("$$ ? $$ || $tag$ ? $$ $tag$ || ?", "$$ ? $$ || $tag$ ? $$ $tag$ || %s"),
        ("a LIKE 'x%' AND b % 2 = ?", "a LIKE 'x%%' AND b %% 2 = %s"),
        ("a = %s", "a = %%s"),
    ],
)
def test_a_question_mark_outside_of_text_names_and_comments_is_a_placeholder(sql, put):
    assert with_percent_marks(sql) == put
