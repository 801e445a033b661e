-- Memory: facts with their evidence, summaries, what still waits to be derived from turns, and what users allow.

ALTER TABLE conversations ADD COLUMN pinned BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE messages
  ADD COLUMN language TEXT,
  ADD COLUMN tokens INTEGER,
  ADD COLUMN heard_characters INTEGER;

CREATE TABLE memory_outbox (
  tenant_id UUID NOT NULL,
  message_id UUID NOT NULL,
  conversation_id UUID NOT NULL,
  user_id UUID,
  learn BOOLEAN DEFAULT true NOT NULL,
  ruled BOOLEAN DEFAULT false NOT NULL,
  failures INTEGER DEFAULT 0 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT memory_outbox_pkey PRIMARY KEY (tenant_id, message_id),
  CONSTRAINT memory_outbox_messages_fkey FOREIGN KEY(tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT memory_outbox_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX memory_outbox_conversation_idx ON memory_outbox (tenant_id, conversation_id);

CREATE INDEX memory_outbox_due_at_idx ON memory_outbox (due_at);

CREATE TABLE facts (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  subject TEXT DEFAULT 'user' NOT NULL,
  slot TEXT NOT NULL,
  value TEXT NOT NULL,
  text TEXT NOT NULL,
  language TEXT NOT NULL,
  category TEXT NOT NULL,
  kind TEXT NOT NULL,
  polarity SMALLINT DEFAULT 1 NOT NULL,
  digest BYTEA NOT NULL,
  confidence REAL NOT NULL,
  evidence INTEGER DEFAULT 1 NOT NULL,
  status TEXT DEFAULT 'live' NOT NULL,
  superseded_by UUID,
  pinned BOOLEAN DEFAULT false NOT NULL,
  edited BOOLEAN DEFAULT false NOT NULL,
  extractor TEXT NOT NULL,
  event_from DATE,
  event_to DATE,
  learned_at TIMESTAMP WITH TIME ZONE NOT NULL,
  asserted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
  valid_to TIMESTAMP WITH TIME ZONE,
  CONSTRAINT facts_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT facts_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT facts_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX facts_slot_idx ON facts (tenant_id, user_id, status, slot);

CREATE TABLE fact_evidence (
  tenant_id UUID NOT NULL,
  fact_id UUID NOT NULL,
  message_id UUID NOT NULL,
  user_id UUID,
  start_offset INTEGER NOT NULL,
  end_offset INTEGER NOT NULL,
  said_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT fact_evidence_pkey PRIMARY KEY (tenant_id, fact_id, message_id),
  CONSTRAINT fact_evidence_facts_fkey FOREIGN KEY(tenant_id, fact_id) REFERENCES facts (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT fact_evidence_messages_fkey FOREIGN KEY(tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT fact_evidence_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX fact_evidence_message_idx ON fact_evidence (tenant_id, message_id);

CREATE TABLE fact_tombstones (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  digest BYTEA NOT NULL,
  message_id UUID,
  start_offset INTEGER,
  end_offset INTEGER,
  deleted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT fact_tombstones_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT fact_tombstones_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT fact_tombstones_messages_fkey FOREIGN KEY(tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT fact_tombstones_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX fact_tombstones_message_idx ON fact_tombstones (tenant_id, message_id);

CREATE INDEX fact_tombstones_user_idx ON fact_tombstones (tenant_id, user_id);

CREATE TABLE summaries (
  tenant_id UUID NOT NULL,
  conversation_id UUID NOT NULL,
  user_id UUID,
  text TEXT NOT NULL,
  carried JSONB DEFAULT '[]' NOT NULL,
  through_seq BIGINT NOT NULL,
  rounds INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT summaries_pkey PRIMARY KEY (tenant_id, conversation_id),
  CONSTRAINT summaries_conversations_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT summaries_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX summaries_user_idx ON summaries (tenant_id, user_id, updated_at);

CREATE TABLE memory_settings (
  tenant_id UUID NOT NULL,
  user_id UUID NOT NULL,
  learns BOOLEAN DEFAULT true NOT NULL,
  sensitive BOOLEAN DEFAULT false NOT NULL,
  time_zone TEXT DEFAULT 'UTC' NOT NULL,
  CONSTRAINT memory_settings_pkey PRIMARY KEY (tenant_id, user_id),
  CONSTRAINT memory_settings_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT memory_settings_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

ALTER TABLE memory_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON memory_outbox TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON memory_outbox TO aura_app;

ALTER TABLE facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE facts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON facts TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON facts TO aura_app;

ALTER TABLE fact_evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE fact_evidence FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON fact_evidence TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON fact_evidence TO aura_app;

ALTER TABLE fact_tombstones ENABLE ROW LEVEL SECURITY;
ALTER TABLE fact_tombstones FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON fact_tombstones TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON fact_tombstones TO aura_app;

ALTER TABLE summaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE summaries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON summaries TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON summaries TO aura_app;

ALTER TABLE memory_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON memory_settings TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON memory_settings TO aura_app;

CREATE POLICY queue ON memory_outbox FOR SELECT TO aura_system USING (true);
GRANT SELECT (tenant_id, conversation_id, created_at, due_at) ON memory_outbox TO aura_system;
