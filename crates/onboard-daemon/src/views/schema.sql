-- The views: projections of the journal that can be deleted and rebuilt at any time.
CREATE TABLE IF NOT EXISTS meta (id INTEGER PRIMARY KEY CHECK (id = 0), applied INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES (0, 0);
CREATE TABLE IF NOT EXISTS agents (
  agent INTEGER PRIMARY KEY, project INTEGER NOT NULL, name TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS runs (
  run INTEGER PRIMARY KEY, agent INTEGER NOT NULL, slot INTEGER NOT NULL, trigger TEXT NOT NULL,
  attempt INTEGER NOT NULL, queued INTEGER NOT NULL, started INTEGER, ended INTEGER,
  outcome TEXT, why TEXT NOT NULL DEFAULT '', summary TEXT NOT NULL DEFAULT '',
  cpu_ms INTEGER NOT NULL DEFAULT 0, memory_peak_bytes INTEGER NOT NULL DEFAULT 0,
  throttled_ms INTEGER NOT NULL DEFAULT 0, findings INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS runs_by_agent ON runs (agent, run);
CREATE INDEX IF NOT EXISTS runs_by_end ON runs (ended);
CREATE TABLE IF NOT EXISTS findings (
  project INTEGER NOT NULL, fingerprint TEXT NOT NULL, agent INTEGER NOT NULL, run INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, status TEXT NOT NULL,
  status_at INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', finding TEXT NOT NULL,
  PRIMARY KEY (project, fingerprint)
) STRICT;
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER NOT NULL, idx INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL,
  project INTEGER, agent INTEGER, run INTEGER, event TEXT NOT NULL, PRIMARY KEY (seq, idx)
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_agent ON events (agent, seq);
CREATE TABLE IF NOT EXISTS slots (
  agent INTEGER NOT NULL, day INTEGER NOT NULL, why TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (agent, day, why)
) STRICT;
