from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from contentflow import config, create_app
from contentflow.config import WrongSetting, load
from contentflow.core.broker import broker
from contentflow.core.db import db, transaction
from tests.conftest import MakeApp
from tests.house import shut

PRODUCTION = {
    "SECRET_KEY": "a-key-of-enough-length",
    "PUBLIC_BASE_URL": "https://share.example.org",
    "MAIL_TRANSPORT": "none",
}
SERVICE = {**PRODUCTION, "MAIL_TRANSPORT": "", "EMAIL_FROM": "bonjour@example.org"}


def test_the_defaults_are_those_of_the_contract():
    settings = load(PRODUCTION)

    assert (settings.env, settings.host, settings.port) == ("production", "127.0.0.1", 8000)
    assert settings.byop_default_revshare_bp == 4000
    assert settings.share_email_daily_limit == 200
    assert settings.sharekit_default_hashtags == "#ia #tools #productivité"
    assert settings.mail_retry_seconds == (5, 20, 60, 180)
    assert settings.email_account_daily_limit is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "１２"),
        ("FEATURE_BYOP", "perhaps"),
        ("NETWORK_AWIN_ALLOW_GET", "perhaps"),
        ("BYOP_DEFAULT_REVSHARE_PCT", "1.01"),
        ("BYOP_DEFAULT_REVSHARE_PCT", "0.123456"),
        ("BYOP_DEFAULT_REVSHARE_PCT", "nan"),
        ("SHARE_EMAIL_DAILY_LIMIT", "-1"),
        ("AD_DISCLOSURE", "Sponso"),
        ("PUBLIC_BASE_URL", "share.example.org"),
        ("PUBLIC_BASE_URL", "https://share.example.org/app"),
        ("PUBLIC_BASE_URL", "https://share.example.org:99999"),
        ("PUBLIC_BASE_URL", "https://partage..example"),
        ("PUBLIC_BASE_URL", "https://é\u2028.example"),
        ("PUBLIC_BASE_URL", "https://share%2eexample.org"),
        ("PUBLIC_BASE_URL", "https://share example.org"),
        ("PUBLIC_BASE_URL", "https://[fe80::1%25eth0]"),
        ("PUBLIC_BASE_URL", "https://[::1"),
        ("PUBLIC_BASE_URL", f"https://{'a' * 64}.example"),
        ("PUBLIC_BASE_URL", "https://:@share.example.org"),
        ("HOST", "127.0.0.1:8000"),
        ("HOST", "http://127.0.0.1"),
        ("HOST", "::1::"),
        ("HOST", "my host"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "postgresql://localhost:port/x"),
        ("HUEY_URL", "amqp://localhost"),
        ("HUEY_URL", "redis://localhost:port/0"),
        ("SECRET_KEY", "short"),
        ("MAIL_RETRY_SECONDS", "5;20"),
        ("ENV", "staging"),
        ("TRUSTED_PROXIES", "one"),
        ("EMAIL_FROM", "not an address"),
        ("EMAIL_FROM", "zoé@example.org"),
        ("EMAIL_FROM", "zoe@é\ud800.example"),
        ("EMAIL_FROM", "zoe@a..example"),
        ("EMAIL_FROM", f"zoe@{'é' * 70}.example"),
        ("EMAIL_FROM", "zoe@a.example\x00"),
        ("SMTP_URL", "http://mail.example.org"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(name: str, value: str):
    with pytest.raises(WrongSetting) as refusal:
        load({**PRODUCTION, name: value})

    assert str(refusal.value).startswith(f"{name}=")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("address", ["https://share.example.org:99999", "https://", "https://[::1"])
def test_what_is_wrong_with_an_address_that_has_a_right_scheme_is_said(address: str):
    with pytest.raises(WrongSetting, match=r"has a host; a port is 1 to 65535$"):
        load({**PRODUCTION, "PUBLIC_BASE_URL": address})


def test_marks_nobody_sees_are_no_part_of_a_setting():
    pasted = {
        "SECRET_KEY": "\u200ba-key-of-enough-length\u200b",
        "PUBLIC_BASE_URL": "\u202ahttps://share.exa\u00admple.org\u202c",
        "EMAIL_FROM": "bonjour@\u200bexample.org\u00a0",
        "EMAIL_FROM_NAME": "\ufeffL’équipe 👩\u200d💻",
        "BREVO_API_KEY": "xkeysib-1\u200b",
    }

    settings = load({**PRODUCTION, **pasted})

    assert settings.secret_key == ("a-key-of-enough-length",)
    assert settings.public_base_url == "https://share.example.org"
    assert (settings.email_from, settings.brevo_api_key) == ("bonjour@example.org", "xkeysib-1")
    assert settings.email_from_name == "L’équipe 👩\u200d💻"


def test_a_file_of_settings_may_begin_with_a_byte_order_mark(tmp_path, monkeypatch):
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfSECRET_KEY=a-key-from-the-file\r\n")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://share.example.org")
    monkeypatch.setenv("MAIL_TRANSPORT", "none")
    monkeypatch.delenv("SECRET_KEY", raising=False)

    assert load().secret_key == ("a-key-from-the-file",)


def test_production_without_a_mail_service_does_not_start():
    with pytest.raises(WrongSetting) as refusal:
        load({**SERVICE, "EMAIL_FROM": ""})

    sentence = str(refusal.value)
    assert sentence.startswith("MAIL_TRANSPORT=") and "\n" not in sentence
    for name in ("BREVO_API_KEY", "SMTP_URL", "EMAIL_FROM", "MAIL_TRANSPORT=none", "partner login-link"):
        assert name in sentence


@pytest.mark.parametrize(
    ("environ", "has_service", "sends_mail", "has_mailbox"),
    [
        ({**SERVICE, "BREVO_API_KEY": "key"}, True, True, False),
        ({**SERVICE, "SMTP_URL": "smtp://mail.example.org"}, True, True, False),
        (PRODUCTION, False, False, False),
        ({**PRODUCTION, "MAIL_TRANSPORT": " none "}, False, False, False),
        ({**PRODUCTION, "SMTP_URL": "smtp://mail.example.org"}, False, False, False),
        ({"ENV": "development", "SECRET_KEY": "a-key-of-enough-length"}, False, True, True),
        ({**PRODUCTION, "ENV": "development"}, False, False, False),
        ({**SERVICE, "ENV": "development", "BREVO_API_KEY": "key"}, True, True, False),
    ],
)
def test_mail_leaves_by_a_service_stays_in_the_mailbox_or_does_not_exist(
    environ: dict[str, str], has_service: bool, sends_mail: bool, has_mailbox: bool
):
    settings = load(environ)

    assert settings.has_mail_service is has_service
    assert (settings.sends_mail, settings.can_mail_kits) == (sends_mail, sends_mail)
    assert settings.has_local_mailbox is has_mailbox


@pytest.mark.parametrize("value", ["smtp", "None", "off"])
def test_the_only_way_named_by_hand_is_none(value: str):
    with pytest.raises(WrongSetting, match="one of: empty, none"):
        load({**PRODUCTION, "MAIL_TRANSPORT": value})


@pytest.mark.parametrize("environ", [PRODUCTION, {"ENV": "development"}])
def test_a_data_dir_that_cannot_be_is_named(environ: dict[str, str]):
    with pytest.raises(WrongSetting, match=r"^DATA_DIR='/dev/null/data' is not accepted"):
        create_app(load({**environ, "DATA_DIR": "/dev/null/data"}))


def test_a_wrong_secret_is_not_printed():
    with pytest.raises(WrongSetting) as refusal:
        load({**PRODUCTION, "SECRET_KEY": "hush"})

    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize("missing", sorted(PRODUCTION))
def test_production_does_not_start_without(missing: str):
    with pytest.raises(WrongSetting, match=missing):
        load({name: value for name, value in PRODUCTION.items() if name != missing})


def test_a_mail_service_needs_a_sender():
    with pytest.raises(WrongSetting, match="EMAIL_FROM"):
        load({**SERVICE, "EMAIL_FROM": "", "BREVO_API_KEY": "xkeysib-1"})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("bonjour@école.example", "bonjour@xn--cole-9oa.example"),
        ("bonjour@ÉCOLE。example", "bonjour@xn--cole-9oa.example"),
        ("bonjour@xn--cole-9oa.example", "bonjour@xn--cole-9oa.example"),
        (" Bonjour@Share.example.org ", "Bonjour@Share.example.org"),
        ("bonjour@mail.local", "bonjour@mail.local"),
    ],
)
def test_the_senders_domain_is_kept_as_mail_servers_take_it(typed: str, kept: str):
    assert load({**PRODUCTION, "EMAIL_FROM": typed}).email_from == kept


def test_development_makes_a_key_once_and_keeps_it_private(tmp_path: Path):
    environ = {"ENV": "development", "DATA_DIR": str(tmp_path / "data"), "PORT": "8123"}

    first, second = load(environ), load(environ)

    assert first.secret_key == second.secret_key
    assert len(first.secret_key[0]) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600
    assert first.public_base_url == "http://127.0.0.1:8123"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_any_postgres_address_is_taken(scheme: str):
    settings = load({**PRODUCTION, "DATABASE_URL": f"{scheme}://user:pw@db.example.org/x"})

    assert settings.database_url == "postgresql+psycopg://user:pw@db.example.org/x"


@pytest.mark.parametrize("typed", ["https://Share.Example.org/", "https://share.example.org:443"])
def test_the_public_address_is_what_browsers_make_of_it(typed: str):
    assert load({**PRODUCTION, "PUBLIC_BASE_URL": typed}).public_base_url == "https://share.example.org"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("https://partage.école.example", "https://partage.xn--cole-9oa.example"),
        ("https://PARTAGE.École.example:443/", "https://partage.xn--cole-9oa.example"),
        ("https://partage.xn--cole-9oa.example", "https://partage.xn--cole-9oa.example"),
        ("http://[2001:DB8:0:0::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://share.example.org.", "https://share.example.org"),
    ],
)
def test_the_public_address_is_what_stands_in_the_host_header(typed: str, sent: str, make_app: MakeApp):
    app = make_app(PUBLIC_BASE_URL=typed)

    answer = app.test_client().get("/robots.txt", base_url=sent)

    assert app.config["CONTENTFLOW"].public_base_url == sent
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "found_at"),
    [
        ("::1", "http://[::1]:8232"),
        ("[::1]", "http://[::1]:8232"),
        ("::", "http://[::1]:8232"),
        ("0.0.0.0", "http://127.0.0.1:8232"),
        ("localhost", "http://localhost:8232"),
    ],
)
def test_in_development_a_browser_finds_us_where_we_listen(host: str, found_at: str, tmp_path: Path):
    environ = {"ENV": "development", "HOST": host, "PORT": "8232", "DATA_DIR": str(tmp_path)}

    assert load(environ).public_base_url == found_at


def test_in_development_an_address_that_no_browser_can_type_is_refused_by_name(tmp_path: Path):
    environ = {"ENV": "development", "HOST": "fe80::1%eth0", "DATA_DIR": str(tmp_path)}

    with pytest.raises(WrongSetting, match=r"HOST=.*without a zone"):
        load(environ)
    assert load({**environ, "PUBLIC_BASE_URL": "http://box.lan"}).host == "fe80::1%eth0"


@pytest.mark.parametrize(
    "name", ["contentflow 100%41", "content?flow", "a#b", "é à", "100%", "a&b=c;d", "x%3Fy", "it's", "a:b@c"]
)
def test_everything_lies_inside_a_data_dir_of_whatever_name(name: str, tmp_path: Path):
    folder = tmp_path / name
    app = create_app(load({**PRODUCTION, "DATA_DIR": str(folder), "DATABASE_URL": ""}))

    with app.app_context():
        with transaction():
            db.session.execute(text("CREATE TABLE here (x integer)"))
        assert broker().queue("mail").pending_count() == 0
    shut(app)

    assert {"contentflow.db", "bells-mail.db"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in tmp_path.iterdir() if path.name != "contentflow.db"] == [name]


def test_accents_become_what_browsers_of_today_make_of_them():
    """Older rules made “strasse” of it, which is another name."""
    chosen = load({**PRODUCTION, "PUBLIC_BASE_URL": "https://straße.example"})

    assert chosen.public_base_url == "https://xn--strae-oqa.example"


def test_an_empty_value_is_the_default():
    assert load({**PRODUCTION, "PORT": ""}).port == 8000


PAYS = {
    **PRODUCTION,
    "PAYOUTS_ENABLED": "true",
    "PROGRAMME_NAME": "Programme Bleu",
    "PROGRAMME_SIREN": "732 829 320",
    "PROGRAMME_VAT_NUMBER": "FR44732829320",
    "PROGRAMME_ADDRESS": "1 rue de la Paix, bât. B, 75002 Paris",
    "PROGRAMME_IBAN": "FR14 2004 1010 0505 0001 3M02 606",
    "PROGRAMME_BIC": "PSSTFRPP",
}


def test_who_pays_is_read_as_it_is_typed_in_blocks():
    settings = load(PAYS)

    assert settings.programme_postal == ("1 rue de la Paix, bât. B", "75002", "Paris")
    assert (settings.programme_siren, settings.programme_iban) == ("732829320", "FR1420041010050500013M02606")
    assert settings.payout_solo_hours is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROGRAMME_NAME", ""),
        ("PROGRAMME_SIREN", ""),
        ("PROGRAMME_SIREN", "000000000"),
        ("PROGRAMME_SIREN", "732829321"),
        ("PROGRAMME_VAT_NUMBER", "FR83404833048"),
        ("PROGRAMME_VAT_NUMBER", "732829320"),
        ("PROGRAMME_ADDRESS", "1 rue de la Paix 75002 Paris"),
        ("PROGRAMME_ADDRESS", "75002 Paris"),
        ("PROGRAMME_ADDRESS", "1 rue de la Paix, 7500 Paris"),
        ("PROGRAMME_IBAN", ""),
        ("PROGRAMME_IBAN", "FR1420041010050500013M02607"),
        ("PROGRAMME_BIC", "PSST"),
        ("PAYOUT_TERM_DAYS", "46"),
        ("PAYOUT_DAY", "29"),
        ("PAYOUT_SOLO_HOURS", "soon"),
        ("ACCOUNT_VAT", "TVA"),
    ],
)
def test_who_pays_without_what_it_takes_does_not_start(name: str, value: str):
    with pytest.raises(WrongSetting, match=name):
        load({**PAYS, name: value})


def test_without_payouts_an_address_has_any_form():
    assert load({**PRODUCTION, "PROGRAMME_ADDRESS": "Paris"}).programme_postal == ("Paris", "", "")


def test_the_account_of_who_pays_stands_in_no_error():
    with pytest.raises(WrongSetting) as refusal:
        load({**PAYS, "PROGRAMME_IBAN": "FR1420041010050500013M02607"})

    assert "2607" not in str(refusal.value)
