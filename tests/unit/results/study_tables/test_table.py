"""A table as Markdown and as LaTeX."""

from __future__ import annotations

from llenergymeasure.results.study_tables.table import Table, latex_text

TABLE = Table("cells", "A caption.", ("cell", "J/token"), (("a|b", "1.5"), ("c_d", "2")))


def test_markdown_has_a_line_per_row_and_no_markup_from_names():
    assert TABLE.markdown() == "| cell | J/token |\n|---|---:|\n| a\\|b | 1.5 |\n| c\\_d | 2 |\n\nA caption.\n"


def test_the_titles_of_a_table_wider_than_a_terminal_are_broken_between_words():
    wide = Table("t", "", ("cell", "settings", "ratio to the reference"), (("01", "x" * 60, "1.5"),), texts=2)
    first, second, third, row = wide.plain(80).splitlines()
    assert (first.split(), second.split()) == (["ratio", "to"], ["the"])
    assert third == f"cell  {'settings':<60}  reference"
    assert row.endswith(" 1.5")
    narrow = Table("t", "", ("cell", "ratio to the reference"), (("01", "1.5"),))
    assert narrow.plain(80).splitlines()[0] == "cell  ratio to the reference"
    assert wide.plain().splitlines()[0] == f"cell  {'settings':<60}  ratio to the reference"


def test_latex_uses_booktabs_and_escapes_names():
    text = TABLE.latex()
    assert "\\begin{tabular}{lr}\n\\toprule\ncell & J/token \\\\\n\\midrule\n" in text
    assert "a\\textbar{}b & 1.5 \\\\\nc\\_d & 2 \\\\\n\\bottomrule" in text
    assert "\\caption{A caption.}\n\\label{tab:cells}" in text


def test_no_command_of_latex_comes_from_a_name():
    assert latex_text("\\input{x} $a$ 5 %\n#&~^") == (
        "\\textbackslash{}input\\{x\\} \\$a\\$ 5 \\% \\#\\&\\textasciitilde{}\\textasciicircum{}"
    )
