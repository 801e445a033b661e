-- The platform's own calls, such as probes of models that were away: a row for each, which belongs to no tenant. The
-- application, which serves tenants, does not see them.

CREATE TABLE platform_usage (
  id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  kind TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_cached INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  cost_micro_usd BIGINT,
  certainty TEXT NOT NULL,
  price_version TEXT NOT NULL,
  outcome TEXT NOT NULL,
  fault TEXT NOT NULL,
  total_seconds REAL NOT NULL,
  CONSTRAINT platform_usage_pkey PRIMARY KEY (id)
);

CREATE INDEX platform_usage_created_at_idx ON platform_usage (created_at);

ALTER TABLE platform_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE platform_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON platform_usage TO aura_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_usage TO aura_system;
