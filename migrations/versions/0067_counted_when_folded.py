"""Clicks are counted by whoever writes them, many at once; a trigger counted them one by one.

The trigger that moves a click in the sums when its verdict changes stays.
"""

from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

# As 0052 made it: the French day, two hours ahead of UTC in summer.
DAY = """date(NEW.at, CASE
  WHEN NEW.at >= date(strftime('%Y', NEW.at) || '-03-25', 'weekday 0') || ' 01:00:00'
  AND NEW.at < date(strftime('%Y', NEW.at) || '-10-25', 'weekday 0') || ' 01:00:00'
  THEN '+2 hours' ELSE '+1 hours' END)"""
SQLITE = f"""
CREATE TRIGGER clicks_count AFTER INSERT ON clicks WHEN NEW.partner_id IS NOT NULL BEGIN
INSERT INTO click_partner_days (partner_id, verdict, day, channel, clicks)
  SELECT NEW.partner_id, NEW.verdict, {DAY}, links.channel, 1 FROM links WHERE links.id = NEW.link_id
  ON CONFLICT (partner_id, verdict, day, channel) DO UPDATE SET clicks = click_partner_days.clicks + 1;
INSERT INTO click_link_days (link_id, day, verdict, clicks) VALUES (NEW.link_id, {DAY}, NEW.verdict, 1)
  ON CONFLICT (link_id, day, verdict) DO UPDATE SET clicks = click_link_days.clicks + 1;
INSERT INTO click_link_totals (link_id, verdict, clicks) VALUES (NEW.link_id, NEW.verdict, 1)
  ON CONFLICT (link_id, verdict) DO UPDATE SET clicks = click_link_totals.clicks + 1;
END"""
POSTGRESQL = (
    "CREATE TRIGGER clicks_count AFTER INSERT ON clicks "
    "FOR EACH ROW WHEN (NEW.partner_id IS NOT NULL) EXECUTE FUNCTION clicks_count()"
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER clicks_count" if is_sqlite else "DROP TRIGGER clicks_count ON clicks")


def downgrade() -> None:
    op.execute(SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL)
