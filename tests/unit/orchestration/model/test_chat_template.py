"""A model without a chat template is known before it is loaded."""

from __future__ import annotations

import json

import pytest

from llenergymeasure.orchestration.model.chat_template import lacks_chat_template


def written(folder, content):
    (folder / "tokenizer_config.json").write_text(content, encoding="utf-8")
    return folder


def test_a_template_in_the_tokenizer_s_configuration_is_found(tmp_path):
    assert not lacks_chat_template(written(tmp_path, json.dumps({"chat_template": "{{ messages }}"})))


@pytest.mark.parametrize("name", ["chat_template.jinja", "chat_template.json"])
def test_a_template_in_a_file_of_its_own_is_found(tmp_path, name):
    written(tmp_path, "{}")
    (tmp_path / name).write_text("x", encoding="utf-8")
    assert not lacks_chat_template(tmp_path)


@pytest.mark.parametrize("stated", [{}, {"chat_template": None}, {"chat_template": ""}])
def test_a_configuration_without_one_is_reported_as_such(tmp_path, stated):
    assert lacks_chat_template(written(tmp_path, json.dumps(stated)))


def test_files_without_the_information_are_no_finding(tmp_path):
    assert not lacks_chat_template(tmp_path)
    assert not lacks_chat_template(written(tmp_path, "broken"))
