-- Voice: how much of an answer's speech was played, what a plan allows, settings of what a ticket opens; sessions that can be
-- resumed from any replica; and the seconds of each stage of a turn.

ALTER TABLE messages ADD COLUMN audio_ms INTEGER;

ALTER TABLE organisations ADD COLUMN max_voice_sessions INTEGER, ADD COLUMN max_voice_minutes_monthly INTEGER;

ALTER TABLE tickets ADD COLUMN settings JSONB;

CREATE TABLE voice_sessions (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  surface TEXT NOT NULL,
  conversation_id UUID,
  settings JSONB DEFAULT '{}' NOT NULL,
  token_sha256 BYTEA NOT NULL,
  began_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  paid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  open_until TIMESTAMP WITH TIME ZONE NOT NULL,
  resumable_until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT voice_sessions_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT voice_sessions_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT voice_sessions_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX voice_sessions_open_idx ON voice_sessions (tenant_id, open_until);

CREATE TABLE voice_turns (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  surface TEXT NOT NULL,
  endpoint REAL,
  transcript REAL,
  retrieval REAL,
  first_token REAL,
  first_sentence REAL,
  first_audio REAL,
  client_buffer REAL,
  speculated SMALLINT DEFAULT 0 NOT NULL,
  prefetched SMALLINT DEFAULT 0 NOT NULL,
  prefetch_used BOOLEAN DEFAULT false NOT NULL,
  interrupted BOOLEAN DEFAULT false NOT NULL,
  CONSTRAINT voice_turns_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT voice_turns_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX voice_turns_created_at_idx ON voice_turns (tenant_id, created_at);

ALTER TABLE voice_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE voice_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON voice_sessions TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON voice_sessions TO aura_app;

ALTER TABLE voice_turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE voice_turns FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON voice_turns TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON voice_turns TO aura_app;
