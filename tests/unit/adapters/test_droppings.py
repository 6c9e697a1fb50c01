from __future__ import annotations

import pytest

from qtisync.adapters.droppings import is_dropping


@pytest.mark.parametrize(
    "name",
    [
        *(".a.xml.swp", ".a.xml.swo", ".a.xml.swx", "4913", "5036", "a.xml~", ".a.xml.kate-swp"),
        *("#a.xml#", ".#a.xml", ".goutputstream-2WAB01", "a.xml.tmp", "a.tmp", ".tmpx1", "a.xml.vsctmp", "a.xml.part"),
        *("a.xml___jb_tmp___", "a.xml___jb_old___", "sedQx81Zk", ".~lock.a.ods#", "~$a.docx", "._a.xml", ".DS_Store"),
        *(".a.xml.aB3dE6", ".nfs000000000012345600000001", "a.xml.crdownload", "Thumbs.db"),
    ],
)
def test_what_editors_leave_for_a_moment_is_a_dropping(name):
    assert is_dropping(name)


@pytest.mark.parametrize(
    "name",
    [
        *("a.xml", "a.yaml", "_defaults.yaml", ".gitignore", ".gitattributes", "2024.xml", "49131.xml", "README.md"),
        *("swp.xml", "tmp.xml", "temp", "sedation.xml", "part.xml", "#1.xml", "~a.xml", ".hidden.xml", "a.orig"),
        *("sed", "20", "ä ö.xml", ".a.hidden", ".editorconfig"),
    ],
)
def test_a_file_of_an_author_is_none(name):
    assert not is_dropping(name)
