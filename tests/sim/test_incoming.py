import pytest

from canary.sim.incoming import FORM, received

TARGET = "/stubs/handler_api.php"


def test_a_get_is_read_from_its_query_the_last_of_a_repeated_parameter_counting():
    """Parameters are read as PHP reads them."""
    call = received("GET", f"{TARGET}?api_key=k&action=getStatus&id=1&id=2&empty=", {}, b"", "192.0.2.7")
    assert (call.action, call.params["id"], call.key, call.params["empty"]) == ("getStatus", "2", "k", "")
    assert call.get("activationId", "id") == "2"


def test_a_post_is_read_from_query_and_form_together():
    """Real clients POST an empty body with everything in the query; a form is read too."""
    call = received(
        "POST", f"{TARGET}?api_key=k&action=getStatus", {"content-type": FORM}, b"id=7", "192.0.2.7"
    )
    assert (call.action, call.get("id")) == ("getStatus", "7")


def test_a_server_that_reads_only_the_body_sees_no_query_of_a_post():
    """A reseller's server answers such a POST as one without key and action."""
    call = received("POST", f"{TARGET}?api_key=k&action=getStatus", {}, b"", "192.0.2.7", body_only=True)
    assert (call.action, call.key) == ("", "")


@pytest.mark.parametrize("headers", [{"x-apikey": "k"}, {"authorization": "ApiKey k"}])
def test_the_key_may_come_in_a_header(headers):
    """DaisySMS's and HeroSMS's headers are understood."""
    assert received("GET", f"{TARGET}?action=getBalance", headers, b"", "").key == "k"


def test_the_representation_shows_no_key():
    """A call in a log or traceback gives no key away."""
    call = received("GET", f"{TARGET}?api_key=very-secret&action=getBalance", {}, b"", "")
    assert "very-secret" not in repr(call)
