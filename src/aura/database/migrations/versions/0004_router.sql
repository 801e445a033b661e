-- The router: what each attempt of a call was, budgets and what is reserved of them, the health of routes, what is learned.

ALTER TABLE usage
  ADD COLUMN tokens_reasoning INTEGER DEFAULT 0 NOT NULL,
  ADD COLUMN call_id UUID,
  ADD COLUMN attempt INTEGER DEFAULT 1 NOT NULL,
  ADD COLUMN fault TEXT DEFAULT '' NOT NULL,
  ADD COLUMN certainty TEXT,
  ADD COLUMN price_version TEXT DEFAULT '' NOT NULL;

CREATE TABLE budgets (
  tenant_id UUID NOT NULL,
  subject TEXT NOT NULL,
  span TEXT NOT NULL,
  max_micro_usd BIGINT NOT NULL,
  CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, subject, span),
  CONSTRAINT budgets_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE budget_spent (
  tenant_id UUID NOT NULL,
  subject TEXT NOT NULL,
  span TEXT NOT NULL,
  starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
  micro_usd BIGINT NOT NULL,
  CONSTRAINT budget_spent_pkey PRIMARY KEY (tenant_id, subject, span, starts_at),
  CONSTRAINT budget_spent_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE budget_reservations (
  tenant_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  api_key_id UUID,
  micro_usd BIGINT NOT NULL,
  reserved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT budget_reservations_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT budget_reservations_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE routing_models (
  tenant_id UUID NOT NULL,
  weights JSONB DEFAULT '{}' NOT NULL,
  quality JSONB DEFAULT '{}' NOT NULL,
  trained_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT routing_models_pkey PRIMARY KEY (tenant_id),
  CONSTRAINT routing_models_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE platform_spent (
  span TEXT NOT NULL,
  starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
  micro_usd BIGINT NOT NULL,
  CONSTRAINT platform_spent_pkey PRIMARY KEY (span, starts_at)
);

CREATE TABLE platform_reservations (
  id UUID NOT NULL,
  micro_usd BIGINT NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT platform_reservations_pkey PRIMARY KEY (id)
);

CREATE TABLE route_health (
  route TEXT NOT NULL,
  state TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  reason TEXT NOT NULL,
  flaps INTEGER NOT NULL,
  told_by UUID NOT NULL,
  told_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT route_health_pkey PRIMARY KEY (route)
);

CREATE INDEX route_health_told_at_idx ON route_health (told_at);

ALTER TABLE budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE budgets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON budgets TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON budgets TO aura_app;

ALTER TABLE budget_spent ENABLE ROW LEVEL SECURITY;
ALTER TABLE budget_spent FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON budget_spent TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_spent TO aura_app;

ALTER TABLE budget_reservations ENABLE ROW LEVEL SECURITY;
ALTER TABLE budget_reservations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON budget_reservations TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_reservations TO aura_app;

ALTER TABLE routing_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE routing_models FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON routing_models TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON routing_models TO aura_app;

ALTER TABLE platform_spent ENABLE ROW LEVEL SECURITY;
ALTER TABLE platform_spent FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON platform_spent TO aura_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_spent TO aura_system;
ALTER TABLE platform_reservations ENABLE ROW LEVEL SECURITY;
ALTER TABLE platform_reservations FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON platform_reservations TO aura_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_reservations TO aura_system;
ALTER TABLE route_health ENABLE ROW LEVEL SECURITY;
ALTER TABLE route_health FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON route_health TO aura_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON route_health TO aura_system;
