-- Recall: turns and facts of a user in one index, by term counts and by embedding.

CREATE TABLE memory_entries (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  kind TEXT NOT NULL,
  conversation_id UUID,
  message_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  speaker TEXT NOT NULL,
  text TEXT NOT NULL,
  terms SPARSEVEC(1000000000) NOT NULL,
  length INTEGER NOT NULL,
  embedding HALFVEC,
  model_sha256 TEXT,
  head BYTEA GENERATED ALWAYS AS (uuid_send(id) || float8send(date_part('epoch', at - '1970-01-01 00:00:00+00'::timestamptz)) || int4send(length)) STORED,
  CONSTRAINT memory_entries_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT memory_entries_conversations_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT memory_entries_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX memory_entries_user_idx ON memory_entries (tenant_id, user_id, at);
CREATE INDEX memory_entries_conversation_idx ON memory_entries (tenant_id, conversation_id);
CREATE INDEX memory_entries_fact_idx ON memory_entries (tenant_id, message_id) WHERE kind = 'fact';

-- Every recall reads the vectors of all of a user's entries: the text moves out of a large row before they do.
ALTER TABLE memory_entries ALTER COLUMN embedding SET STORAGE MAIN, ALTER COLUMN terms SET STORAGE MAIN;

ALTER TABLE memory_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON memory_entries TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON memory_entries TO aura_app;
