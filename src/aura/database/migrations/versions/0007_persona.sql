-- Personas: what a user has chosen, and the signals that the rest is learned from. Both go with the user; a signal also goes
-- with the message that it was found in.

CREATE TABLE personas (
  tenant_id UUID NOT NULL,
  user_id UUID NOT NULL,
  chosen JSONB DEFAULT '{}' NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT personas_pkey PRIMARY KEY (tenant_id, user_id),
  CONSTRAINT personas_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT personas_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE persona_signals (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  channel TEXT NOT NULL,
  axis TEXT NOT NULL,
  towards TEXT NOT NULL,
  kind TEXT NOT NULL,
  message_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT persona_signals_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT persona_signals_users_fkey FOREIGN KEY(tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT persona_signals_messages_fkey FOREIGN KEY(tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT persona_signals_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX persona_signals_user_idx ON persona_signals (tenant_id, user_id, channel, created_at);
CREATE INDEX persona_signals_message_idx ON persona_signals (tenant_id, message_id);

ALTER TABLE personas ENABLE ROW LEVEL SECURITY;
ALTER TABLE personas FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON personas TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON personas TO aura_app;

ALTER TABLE persona_signals ENABLE ROW LEVEL SECURITY;
ALTER TABLE persona_signals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON persona_signals TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));
GRANT SELECT, INSERT, UPDATE, DELETE ON persona_signals TO aura_app;
