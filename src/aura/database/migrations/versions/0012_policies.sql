-- What a policy compares with is one sub-select, casts and comparison included: it is worked out once, and not for every row.
DO $migration$
DECLARE
  tenant text := $$tenant_id = (SELECT current_setting('aura.tenant_id')::uuid)$$;
  member text := $$(SELECT nullif(current_setting('aura.user_id', true), '')::uuid)$$;
  service text := $$(SELECT current_setting('aura.role', true) = 'service')$$;
  name text;
  condition text;
BEGIN
  FOR name IN SELECT tablename FROM pg_policies WHERE schemaname = 'public' AND policyname = 'tenant' LOOP
    condition := CASE
      WHEN name = 'organisations' THEN replace(tenant, 'tenant_id = ', 'id = ')
      WHEN name IN ('chunks', 'document_versions', 'documents') OR name LIKE 'index\_%' THEN
        format('%s AND (private_to IS NULL OR private_to = %s OR %s)', tenant, member, service)
      WHEN name IN ('conversations', 'fact_evidence', 'fact_tombstones', 'facts', 'feedback', 'memory_entries',
        'memory_outbox', 'memory_settings', 'messages', 'persona_signals', 'personas', 'response_events',
        'responses', 'sessions', 'summaries', 'voice_sessions') THEN
        format('%s AND (user_id IS NOT DISTINCT FROM %s OR %s)', tenant, member, service)
      ELSE tenant
    END;
    EXECUTE format('ALTER POLICY tenant ON %1$I USING (%2$s) WITH CHECK (%2$s)', name, condition);
  END LOOP;
END $migration$;

CREATE OR REPLACE FUNCTION aura_create_index_table(name text, dimension integer, partition_clause text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I (tenant_id uuid NOT NULL, generation_id uuid NOT NULL, chunk_id text NOT NULL,'
    ' document_id uuid, collection_id uuid, private_to uuid, embedding halfvec(%s) NOT NULL, terms sparsevec(1000000000) NOT NULL,'
    ' PRIMARY KEY (tenant_id, chunk_id, generation_id)) %s', name, dimension, partition_clause);
  EXECUTE format('ALTER TABLE %I ALTER embedding SET STORAGE PLAIN', name);
  EXECUTE format('CREATE INDEX %I ON %I (tenant_id, document_id)', name || '_document_idx', name);
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE POLICY tenant ON %1$I TO aura_app USING (%2$s) WITH CHECK (%2$s)', name,
    'tenant_id = (SELECT current_setting(''aura.tenant_id'')::uuid) AND (private_to IS NULL OR private_to = (SELECT nullif(current_setting(''aura.user_id'', true), '''')::uuid) OR (SELECT current_setting(''aura.role'', true) = ''service''))');
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO aura_app', name);
END $$;

-- Recall reads every entry of a user. Without a third column the index gives them in the order of the table: each page is
-- opened once, and not once for each entry in it.
DROP INDEX memory_entries_user_idx;
CREATE INDEX memory_entries_user_idx ON memory_entries (tenant_id, user_id);
