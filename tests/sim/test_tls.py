import gc
import ssl
import stat

import pytest

from canary.sim.tls import Authority


def test_an_authority_is_kept_in_its_file(tmp_path):
    """The same file gives the same authority; its key is for the owner alone."""
    first = Authority.kept(tmp_path / "ca.pem")
    again = Authority.kept(tmp_path / "ca.pem")
    assert first.ca_file.read_bytes() == again.ca_file.read_bytes()
    assert b"PRIVATE" not in first.ca_file.read_bytes()
    assert stat.S_IMODE((tmp_path / "ca.pem.key").stat().st_mode) == 0o600
    assert isinstance(again.context(), ssl.SSLContext)


def test_a_temporary_authority_leaves_nothing_behind():
    """Its folder goes when nobody uses it any more."""
    authority = Authority.temporary()
    file = authority.ca_file
    assert file.exists()
    del authority
    gc.collect()
    assert not file.parent.exists()


def test_a_file_that_holds_no_authority_is_an_error(tmp_path):
    """A damaged file is not replaced in silence."""
    (tmp_path / "ca.pem").write_text("nothing")
    (tmp_path / "ca.pem.key").write_text("nothing")
    with pytest.raises(ValueError, match="PEM"):
        Authority.kept(tmp_path / "ca.pem")
