"""Templates: what a name may hold, and that none is used before it is given."""

from __future__ import annotations

import json

import pytest
from jinja2 import UndefinedError

from modmap.report.templates import render


class TestRender:
    @pytest.mark.parametrize("name", ["<!--<script>", "</script>", "<", "\\u003c & >", "Müller_Ω_детал"])
    def test_page__data_stays_in_its_script(self, name: str) -> None:
        page = render("page.html", title="title", scripts=("batch.js",), data={"view": name})
        text = page.split('id="data">')[1].split("</script>")[0]
        assert "<" not in text
        assert json.loads(text) == {"view": name}

    def test_page__its_title_is_escaped(self) -> None:
        page = render("page.html", title="</title><b>", scripts=("batch.js",), data=None)
        assert "<title>&lt;/title&gt;&lt;b&gt;</title>" in page

    def test_page__scripts_and_styles_are_as_they_are(self) -> None:
        page = render("page.html", title="title", scripts=("part.js", "report.js"), data=None)
        assert "const below = share * data.top < threshold;" in page
        assert 'th[aria-sort]::after { content: " \\25B2"; }' in page

    def test_page__a_value_that_is_not_given(self) -> None:
        with pytest.raises(UndefinedError, match="'title' is undefined"):
            render("page.html", scripts=("batch.js",), data=None)
