"""Parts of pages: what a name may hold."""

from __future__ import annotations

import json

import pytest

from modmap.report.page_parts import whole_page


class TestWholePage:
    @pytest.mark.parametrize("name", ["<!--<script>", "</script>", "<", "\\u003c & >"])
    def test_page__data_stays_in_its_script(self, name: str) -> None:
        page = whole_page("title", "<p>body</p>", script="batch.js", data={"view": name})
        text = page.split('id="data">')[1].split("</script>")[0]
        assert "<" not in text
        assert json.loads(text) == {"view": name}
