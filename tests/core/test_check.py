"""Plain counts: when they keep a stage, and in which words."""

from canary.core.check import Check


def test_nothing_found_says_nothing() -> None:
    """A count within what is allowed has no objection."""
    assert Check("contract", found=2, allowed=2, seen=50).objection == ""


def test_too_much_is_named() -> None:
    """Found, allowed and what it was."""
    check = Check("contract", found=3, seen=900, detail="getPrices field at *.*.cost")
    assert check.objection == "contract: 3 found, 0 allowed (getPrices field at *.*.cost)"


def test_too_little_looked_at_is_no_pass() -> None:
    """No data decides nothing: it keeps the stage, and says where to look."""
    check = Check("contract", found=0, seen=1, needed=3)
    assert "1 replies of new were compared, and nothing can be found in fewer than 3" in check.objection
    assert Check("contract", found=0, seen=3, needed=3).objection == ""


def test_what_only_reports_never_objects() -> None:
    """A gate that reports has no say, whatever it found."""
    assert Check("coverage", found=9, blocks=False).objection == ""
    assert Check("coverage", found=0, needed=3, blocks=False).objection == ""


def test_a_check_of_refunds_is_no_less_plain() -> None:
    """What rolls back is said in the same words as what holds."""
    check = Check(
        "refunds", found=12, allowed=9, seen=40, rolls_back=True, detail="2.40 is in no balance of new"
    )
    assert check.objection == "refunds: 12 found, 9 allowed (2.40 is in no balance of new)"
