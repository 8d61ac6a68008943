"""A repository in two languages that buys numbers, rents one, and takes webhooks."""

from pathlib import Path

KEY = "4c1fA02d9b7e5630c8aa17fd21b96e44"

BUY = f"""\
import requests

API = "https://api.sms-activate.org/stubs/handler_api.php"
KEY = "{KEY}"


def buy(service):
    text = requests.get(API, params={{"api_key": KEY, "action": "getNumber", "service": service, "country": 0}}).text
    if text.startswith("ACCESS_NUMBER"):
        return text.split(":")


def rent():
    return requests.get(API, params={{"api_key": KEY, "action": "getRentNumber", "service": "tg"}}).json()
"""

HOOK = """\
app.post('/sms', (req, res) => {
  const { activationId, code, receivedAt } = req.body;
  save(activationId, code, receivedAt);
  res.sendStatus(200);
});
const url = `https://sms-activate.org/stubs/handler_api.php?api_key=${key}&action=getStatus&id=${id}`;
const other = 'https://daisysms.com/stubs/handler_api.php';
"""


def shop(folder: Path) -> Path:
    """The repository; git does not know of it."""
    root = folder / "shop"
    (root / "src").mkdir(parents=True)
    (root / "src" / "buy.py").write_text(BUY)
    (root / "src" / "hook.js").write_text(HOOK)
    (root / "README.md").write_text("We buy at https://smshub.org/stubs/handler_api.php and such.\n")
    return root


def tidy(folder: Path) -> Path:
    """A repository with its address in one file of settings."""
    root = folder / "tidy"
    root.mkdir()
    (root / "settings.env").write_text("SMS_URL=https://sms-activate.org/stubs/handler_api.php\n")
    (root / "sms.py").write_text('import os\nURL = os.environ["SMS_URL"]\n')
    return root
