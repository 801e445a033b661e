-- What serves requests: sessions and keys, answers under way, usage and quotas, the audit, webhooks; and who may see what.

ALTER TABLE conversations ADD COLUMN collections UUID[];

ALTER TABLE messages ADD COLUMN stopped BOOLEAN DEFAULT false NOT NULL;

CREATE INDEX messages_user_idx ON messages (tenant_id, user_id, seq);

CREATE TABLE login_attempts (
  subject BYTEA NOT NULL,
  failures INTEGER NOT NULL,
  failed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  blocked_until TIMESTAMP WITH TIME ZONE,
  CONSTRAINT login_attempts_pkey PRIMARY KEY (subject)
);

CREATE TABLE audit (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id UUID,
  action TEXT NOT NULL,
  target_kind TEXT DEFAULT '' NOT NULL,
  target_id TEXT DEFAULT '' NOT NULL,
  address TEXT DEFAULT '' NOT NULL,
  request_id TEXT DEFAULT '' NOT NULL,
  details JSONB DEFAULT '{}' NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT audit_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX audit_at_idx ON audit (tenant_id, at, id);

CREATE TABLE counters (
  tenant_id UUID NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  window_start TIMESTAMP WITH TIME ZONE NOT NULL,
  used BIGINT NOT NULL,
  CONSTRAINT counters_pkey PRIMARY KEY (tenant_id, subject, name, window_start),
  CONSTRAINT counters_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE idempotency_keys (
  tenant_id UUID NOT NULL,
  caller TEXT NOT NULL,
  key_sha256 BYTEA NOT NULL,
  request_sha256 BYTEA NOT NULL,
  response JSONB,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, caller, key_sha256),
  CONSTRAINT idempotency_keys_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (tenant_id, created_at);

CREATE TABLE usage (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  kind TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  user_id UUID,
  api_key_id UUID,
  response_id UUID,
  tokens_in INTEGER DEFAULT 0 NOT NULL,
  tokens_cached INTEGER DEFAULT 0 NOT NULL,
  tokens_out INTEGER DEFAULT 0 NOT NULL,
  tokens_estimated BOOLEAN DEFAULT false NOT NULL,
  characters INTEGER DEFAULT 0 NOT NULL,
  audio_seconds REAL DEFAULT 0 NOT NULL,
  cost_micro_usd BIGINT,
  own_key BOOLEAN DEFAULT false NOT NULL,
  first_token_seconds REAL,
  total_seconds REAL DEFAULT 0 NOT NULL,
  outcome TEXT NOT NULL,
  CONSTRAINT usage_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT usage_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX usage_created_at_idx ON usage (tenant_id, created_at);

CREATE TABLE usage_daily (
  tenant_id UUID NOT NULL,
  day DATE NOT NULL,
  kind TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  user_id UUID NOT NULL,
  api_key_id UUID NOT NULL,
  own_key BOOLEAN NOT NULL,
  calls BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  tokens_in BIGINT NOT NULL,
  tokens_cached BIGINT NOT NULL,
  tokens_out BIGINT NOT NULL,
  cost_micro_usd BIGINT NOT NULL,
  CONSTRAINT usage_daily_pkey PRIMARY KEY (tenant_id, day, kind, provider, model, user_id, api_key_id, own_key),
  CONSTRAINT usage_daily_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE webhooks (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  url TEXT NOT NULL,
  events TEXT[] NOT NULL,
  secret_ciphertext BYTEA NOT NULL,
  is_active BOOLEAN DEFAULT true NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT webhooks_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT webhooks_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE api_keys (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  secret_sha256 BYTEA NOT NULL,
  verbs TEXT[] NOT NULL,
  collections UUID[],
  monthly_calls INTEGER,
  requests_per_minute INTEGER,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  last_used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT api_keys_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT api_keys_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX api_keys_prefix_idx ON api_keys (tenant_id, prefix);

CREATE TABLE responses (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  request JSONB NOT NULL,
  state TEXT NOT NULL,
  worker TEXT NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  stop_requested BOOLEAN DEFAULT false NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT responses_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT responses_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT responses_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX responses_created_at_idx ON responses (tenant_id, created_at);

CREATE TABLE sessions (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  token_sha256 BYTEA NOT NULL,
  former_sha256 BYTEA,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  rotated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT sessions_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT sessions_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX sessions_user_idx ON sessions (tenant_id, user_id);

CREATE TABLE tickets (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  secret_sha256 BYTEA NOT NULL,
  user_id UUID NOT NULL,
  session_id UUID,
  api_key_id UUID,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT tickets_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT tickets_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT tickets_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE webhook_deliveries (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  webhook_id UUID NOT NULL,
  event TEXT NOT NULL,
  payload JSONB NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER DEFAULT 0 NOT NULL,
  next_attempt_at TIMESTAMP WITH TIME ZONE,
  last_status INTEGER,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT webhook_deliveries_webhooks_fkey FOREIGN KEY(tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT webhook_deliveries_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_next_idx ON webhook_deliveries (tenant_id, state, next_attempt_at);

CREATE TABLE feedback (
  tenant_id UUID NOT NULL,
  message_id UUID NOT NULL,
  user_id UUID,
  rating SMALLINT NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  comment TEXT DEFAULT '' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT feedback_pkey PRIMARY KEY (tenant_id, message_id),
  CONSTRAINT feedback_messages_fkey FOREIGN KEY(tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT feedback_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX feedback_created_at_idx ON feedback (tenant_id, created_at);

CREATE TABLE response_events (
  tenant_id UUID NOT NULL,
  response_id UUID NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  user_id UUID,
  events JSONB NOT NULL,
  CONSTRAINT response_events_pkey PRIMARY KEY (tenant_id, response_id, first_seq),
  CONSTRAINT response_events_responses_fkey FOREIGN KEY(tenant_id, response_id) REFERENCES responses (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT response_events_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT ON audit TO aura_app;

ALTER TABLE counters ENABLE ROW LEVEL SECURITY;
ALTER TABLE counters FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON counters TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON counters TO aura_app;

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO aura_app;

ALTER TABLE usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON usage TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON usage TO aura_app;

ALTER TABLE usage_daily ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_daily FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON usage_daily TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_daily TO aura_app;

ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhooks TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO aura_app;

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO aura_app;

ALTER TABLE responses ENABLE ROW LEVEL SECURITY;
ALTER TABLE responses FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON responses TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON responses TO aura_app;

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sessions TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO aura_app;

ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tickets TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON tickets TO aura_app;

ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON webhook_deliveries TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO aura_app;

ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON feedback TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON feedback TO aura_app;

ALTER TABLE response_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE response_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON response_events TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON response_events TO aura_app;

ALTER TABLE login_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE login_attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY logins ON login_attempts TO aura_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON login_attempts TO aura_system;
