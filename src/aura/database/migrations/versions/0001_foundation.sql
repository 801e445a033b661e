-- The foundation: organisations and users, documents and chunks, index generations, conversations; and who may see what.

CREATE TABLE organisations (
  id UUID NOT NULL, 
  organization_name TEXT NOT NULL, 
  subdomain TEXT NOT NULL, 
  admin_email TEXT NOT NULL, 
  subscription_tier TEXT NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  max_users INTEGER NOT NULL, 
  max_storage_gb INTEGER NOT NULL, 
  max_api_calls_monthly INTEGER NOT NULL, 
  custom_settings JSONB DEFAULT '{}' NOT NULL, 
  custom_logo TEXT, 
  brand_colors JSONB DEFAULT '{}' NOT NULL, 
  is_active BOOLEAN DEFAULT true NOT NULL, 
  expires_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT organisations_pkey PRIMARY KEY (id), 
  CONSTRAINT organisations_subdomain_key UNIQUE (subdomain)
);

CREATE TABLE collections (
  tenant_id UUID NOT NULL, 
  id UUID NOT NULL, 
  name TEXT NOT NULL, 
  description TEXT DEFAULT '' NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT collections_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT collections_tenant_id_name_key UNIQUE (tenant_id, name), 
  CONSTRAINT collections_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE conversations (
  tenant_id UUID NOT NULL, 
  id UUID NOT NULL, 
  user_id UUID, 
  title TEXT DEFAULT '' NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT conversations_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT conversations_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE generations (
  tenant_id UUID NOT NULL, 
  id UUID NOT NULL, 
  model TEXT NOT NULL, 
  model_sha256 TEXT NOT NULL, 
  dimension INTEGER NOT NULL, 
  table_name TEXT NOT NULL, 
  state TEXT NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT generations_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT generations_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX generations_serving_idx ON generations (tenant_id) WHERE state = 'serving';

CREATE TABLE lexical_statistics (
  tenant_id UUID NOT NULL, 
  chunks INTEGER DEFAULT 0 NOT NULL, 
  total_length BIGINT DEFAULT 0 NOT NULL, 
  weighted_average REAL DEFAULT 0 NOT NULL, 
  CONSTRAINT lexical_statistics_pkey PRIMARY KEY (tenant_id), 
  CONSTRAINT lexical_statistics_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE lexicon (
  tenant_id UUID NOT NULL, 
  term INTEGER NOT NULL, 
  chunks INTEGER NOT NULL, 
  CONSTRAINT lexicon_pkey PRIMARY KEY (tenant_id, term), 
  CONSTRAINT lexicon_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE provider_keys (
  tenant_id UUID NOT NULL, 
  provider TEXT NOT NULL, 
  ciphertext BYTEA NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT provider_keys_pkey PRIMARY KEY (tenant_id, provider), 
  CONSTRAINT provider_keys_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE users (
  tenant_id UUID NOT NULL, 
  id UUID NOT NULL, 
  email TEXT NOT NULL, 
  password_hash TEXT NOT NULL, 
  role TEXT NOT NULL, 
  name TEXT DEFAULT '' NOT NULL, 
  persona_settings JSONB DEFAULT '{}' NOT NULL, 
  voice_preference TEXT, 
  can_upload_documents BOOLEAN NOT NULL, 
  can_modify_ai_settings BOOLEAN NOT NULL, 
  can_view_analytics BOOLEAN NOT NULL, 
  is_active BOOLEAN DEFAULT true NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT users_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT users_tenant_id_email_key UNIQUE (tenant_id, email), 
  CONSTRAINT users_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE vector_cache (
  tenant_id UUID NOT NULL, 
  model_sha256 TEXT NOT NULL, 
  text_sha256 BYTEA NOT NULL, 
  embedding HALFVEC NOT NULL, 
  CONSTRAINT vector_cache_pkey PRIMARY KEY (tenant_id, model_sha256, text_sha256), 
  CONSTRAINT vector_cache_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE documents (
  tenant_id UUID NOT NULL, 
  id UUID NOT NULL, 
  collection_id UUID NOT NULL, 
  owner_id UUID, 
  private_to UUID, 
  filename TEXT NOT NULL, 
  media_type TEXT DEFAULT '' NOT NULL, 
  version INTEGER DEFAULT 0 NOT NULL, 
  pending_version INTEGER, 
  sha256 TEXT NOT NULL, 
  size_bytes BIGINT NOT NULL, 
  stage TEXT NOT NULL, 
  percent REAL DEFAULT 0 NOT NULL, 
  eta_seconds REAL, 
  reason TEXT, 
  chunks INTEGER DEFAULT 0 NOT NULL, 
  pages INTEGER, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT documents_collections_fkey FOREIGN KEY(tenant_id, collection_id) REFERENCES collections (tenant_id, id), 
  CONSTRAINT documents_tenant_id_collection_id_private_to_filename_key UNIQUE NULLS NOT DISTINCT (tenant_id, collection_id, private_to, filename), 
  CONSTRAINT documents_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX documents_content_idx ON documents (tenant_id, collection_id, sha256);

CREATE TABLE messages (
  tenant_id UUID NOT NULL, 
  id UUID NOT NULL, 
  seq BIGINT GENERATED ALWAYS AS IDENTITY, 
  conversation_id UUID NOT NULL, 
  user_id UUID, 
  role TEXT NOT NULL, 
  text TEXT NOT NULL, 
  citations JSONB DEFAULT '[]' NOT NULL, 
  model TEXT, 
  cost_usd NUMERIC(12, 6) DEFAULT 0 NOT NULL, 
  refused BOOLEAN DEFAULT false NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT messages_conversations_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE, 
  CONSTRAINT messages_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE INDEX messages_conversation_idx ON messages (tenant_id, conversation_id, seq);

CREATE TABLE chunks (
  tenant_id UUID NOT NULL, 
  id TEXT NOT NULL, 
  document_id UUID, 
  version INTEGER DEFAULT 0 NOT NULL, 
  collection_id UUID, 
  private_to UUID, 
  ordinal INTEGER DEFAULT 0 NOT NULL, 
  page INTEGER, 
  start_offset BIGINT DEFAULT 0 NOT NULL, 
  end_offset BIGINT DEFAULT 0 NOT NULL, 
  heading TEXT[] DEFAULT '{}' NOT NULL, 
  text TEXT NOT NULL, 
  gap TEXT DEFAULT '' NOT NULL, 
  tokens INTEGER DEFAULT 0 NOT NULL, 
  length INTEGER DEFAULT 0 NOT NULL, 
  term_ids INTEGER[] DEFAULT '{}' NOT NULL, 
  term_counts INTEGER[] DEFAULT '{}' NOT NULL, 
  text_sha256 BYTEA NOT NULL, 
  ref_doc_id TEXT, 
  metadata JSONB DEFAULT '{}' NOT NULL, 
  node JSONB, 
  CONSTRAINT chunks_pkey PRIMARY KEY (tenant_id, id), 
  CONSTRAINT chunks_documents_fkey FOREIGN KEY(tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE, 
  CONSTRAINT chunks_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
)
 PARTITION BY HASH (tenant_id);

CREATE INDEX chunks_document_idx ON chunks (tenant_id, document_id, version, ordinal);

CREATE INDEX chunks_ref_doc_idx ON chunks (tenant_id, ref_doc_id);

CREATE INDEX chunks_text_idx ON chunks (tenant_id, text_sha256);

CREATE TABLE document_versions (
  tenant_id UUID NOT NULL, 
  document_id UUID NOT NULL, 
  version INTEGER NOT NULL, 
  private_to UUID, 
  sha256 TEXT NOT NULL, 
  size_bytes BIGINT NOT NULL, 
  media_type TEXT DEFAULT '' NOT NULL, 
  characters BIGINT, 
  pages INTEGER, 
  chunks INTEGER DEFAULT 0 NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT document_versions_pkey PRIMARY KEY (tenant_id, document_id, version), 
  CONSTRAINT document_versions_documents_fkey FOREIGN KEY(tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE, 
  CONSTRAINT document_versions_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

CREATE TABLE ingest_tasks (
  tenant_id UUID NOT NULL, 
  document_id UUID NOT NULL, 
  version INTEGER NOT NULL, 
  user_id UUID, 
  worker TEXT DEFAULT '' NOT NULL, 
  lease_until TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  attempts INTEGER DEFAULT 0 NOT NULL, 
  cancelled BOOLEAN DEFAULT false NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
  CONSTRAINT ingest_tasks_pkey PRIMARY KEY (tenant_id, document_id), 
  CONSTRAINT ingest_tasks_documents_fkey FOREIGN KEY(tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE, 
  CONSTRAINT ingest_tasks_organisations_fkey FOREIGN KEY(tenant_id) REFERENCES organisations (id) ON DELETE CASCADE
);

-- The shared tables are split by tenant. A partition is reached through its parent alone: it has no grants and no policy.
CREATE FUNCTION aura_partition(parent text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 0..31 LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 32, REMAINDER %s)', parent || '_p' || i, parent, i);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent || '_p' || i);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', parent || '_p' || i);
  END LOOP;
END $$;
SELECT aura_partition('chunks');

ALTER TABLE collections ENABLE ROW LEVEL SECURITY;

ALTER TABLE collections FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON collections TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON collections TO aura_app;

ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;

ALTER TABLE conversations FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON conversations TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));

GRANT SELECT, INSERT, UPDATE, DELETE ON conversations TO aura_app;

ALTER TABLE generations ENABLE ROW LEVEL SECURITY;

ALTER TABLE generations FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON generations TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON generations TO aura_app;

ALTER TABLE lexical_statistics ENABLE ROW LEVEL SECURITY;

ALTER TABLE lexical_statistics FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON lexical_statistics TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON lexical_statistics TO aura_app;

ALTER TABLE lexicon ENABLE ROW LEVEL SECURITY;

ALTER TABLE lexicon FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON lexicon TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON lexicon TO aura_app;

ALTER TABLE provider_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE provider_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON provider_keys TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON provider_keys TO aura_app;

ALTER TABLE users ENABLE ROW LEVEL SECURITY;

ALTER TABLE users FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON users TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON users TO aura_app;

ALTER TABLE vector_cache ENABLE ROW LEVEL SECURITY;

ALTER TABLE vector_cache FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON vector_cache TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON vector_cache TO aura_app;

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON documents TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));

GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO aura_app;

ALTER TABLE messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE messages FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON messages TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (user_id IS NOT DISTINCT FROM nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));

GRANT SELECT, INSERT, UPDATE, DELETE ON messages TO aura_app;

ALTER TABLE chunks ENABLE ROW LEVEL SECURITY;

ALTER TABLE chunks FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chunks TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));

GRANT SELECT, INSERT, UPDATE, DELETE ON chunks TO aura_app;

ALTER TABLE document_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE document_versions FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON document_versions TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service')) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting('aura.user_id', true)), '')::uuid OR (SELECT current_setting('aura.role', true)) = 'service'));

GRANT SELECT, INSERT, UPDATE, DELETE ON document_versions TO aura_app;

ALTER TABLE ingest_tasks ENABLE ROW LEVEL SECURITY;

ALTER TABLE ingest_tasks FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON ingest_tasks TO aura_app USING (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (tenant_id = (SELECT current_setting('aura.tenant_id'))::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON ingest_tasks TO aura_app;

ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;

ALTER TABLE organisations FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON organisations TO aura_app USING (id = (SELECT current_setting('aura.tenant_id'))::uuid) WITH CHECK (id = (SELECT current_setting('aura.tenant_id'))::uuid);

CREATE POLICY platform ON organisations TO aura_system USING (true) WITH CHECK (true);

GRANT SELECT, UPDATE ON organisations TO aura_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON organisations TO aura_system;

CREATE POLICY login ON users FOR SELECT TO aura_system USING (true);

GRANT SELECT (tenant_id, id, email, password_hash, role, name, is_active) ON users TO aura_system;

CREATE POLICY queue ON ingest_tasks TO aura_system USING (true) WITH CHECK (true);

GRANT SELECT, UPDATE ON ingest_tasks TO aura_system;

GRANT SELECT ON alembic_version TO aura_app, aura_system;

-- BM25's term weights for an average length: the inner product with a query's idf is the BM25 score (Robertson & Zaragoza 2009).
CREATE FUNCTION aura_bm25_weights(term_ids integer[], term_counts integer[], length integer, average double precision,
  k1 double precision, b double precision)
RETURNS sparsevec LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('{' || coalesce(string_agg(t || ':' || (n / (n + k1 * (1 - b + b * CASE WHEN average > 0 THEN length / average ELSE 1 END)))::real,
    ',' ORDER BY t), '') || '}/1000000000')::sparsevec(1000000000)
  FROM unnest(term_ids, term_counts) AS term(t, n)
$$;

-- Index tables come and go with dimensions and promotions, so the application asks its owner for them: it owns nothing itself.
-- Names are made from checked values alone. A dedicated table's comment names its tenant; no other tenant can build or drop it.
CREATE FUNCTION aura_create_index_table(name text, dimension integer, partition_clause text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I (tenant_id uuid NOT NULL, generation_id uuid NOT NULL, chunk_id text NOT NULL,'
    ' document_id uuid, collection_id uuid, private_to uuid, embedding halfvec(%s) NOT NULL, terms sparsevec(1000000000) NOT NULL,'
    ' PRIMARY KEY (tenant_id, chunk_id, generation_id)) %s', name, dimension, partition_clause);
  EXECUTE format('ALTER TABLE %I ALTER embedding SET STORAGE PLAIN', name);
  EXECUTE format('CREATE INDEX %I ON %I (tenant_id, document_id)', name || '_document_idx', name);
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE POLICY tenant ON %I TO aura_app USING (%s) WITH CHECK (%s)', name,
    'tenant_id = (SELECT current_setting(''aura.tenant_id''))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting(''aura.user_id'', true)), '''')::uuid OR (SELECT current_setting(''aura.role'', true)) = ''service'')', 'tenant_id = (SELECT current_setting(''aura.tenant_id''))::uuid AND (private_to IS NULL OR private_to = nullif((SELECT current_setting(''aura.user_id'', true)), '''')::uuid OR (SELECT current_setting(''aura.role'', true)) = ''service'')');
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO aura_app', name);
END $$;

CREATE FUNCTION aura_create_pooled_index(dimension integer) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text := 'index_' || dimension;
BEGIN
  IF dimension NOT BETWEEN 1 AND 4000 THEN RAISE EXCEPTION 'dimension % is not between 1 and 4000', dimension; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('aura_create_pooled_index'));
  IF to_regclass(name) IS NULL THEN
    PERFORM aura_create_index_table(name, dimension, 'PARTITION BY HASH (tenant_id)');
    PERFORM aura_partition(name);
  END IF;
  RETURN name;
END $$;

CREATE FUNCTION aura_create_dedicated_index(generation uuid, dimension integer) RETURNS text LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text := 'index_g_' || replace(generation::text, '-', '');
BEGIN
  IF dimension NOT BETWEEN 1 AND 4000 THEN RAISE EXCEPTION 'dimension % is not between 1 and 4000', dimension; END IF;
  PERFORM aura_create_index_table(name, dimension, '');
  EXECUTE format('COMMENT ON TABLE %I IS %L', name, (current_setting('aura.tenant_id')::uuid)::text);
  EXECUTE format('ALTER TABLE %I ADD CHECK (tenant_id = %L)', name, (current_setting('aura.tenant_id')::uuid)::text);
  RETURN name;
END $$;

CREATE FUNCTION aura_build_dedicated_index(generation uuid) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET maintenance_work_mem = '512MB' AS $$
DECLARE name text := 'index_g_' || replace(generation::text, '-', '');
BEGIN
  IF obj_description(to_regclass(name), 'pg_class') IS DISTINCT FROM (current_setting('aura.tenant_id')::uuid)::text THEN
    RAISE EXCEPTION 'no such index';
  END IF;
  EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 96)',
    name || '_hnsw', name);
  EXECUTE format('ANALYZE %I', name);
END $$;

CREATE FUNCTION aura_drop_dedicated_index(generation uuid) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text := 'index_g_' || replace(generation::text, '-', '');
BEGIN
  IF obj_description(to_regclass(name), 'pg_class') IS DISTINCT FROM (current_setting('aura.tenant_id')::uuid)::text THEN
    RAISE EXCEPTION 'no such index';
  END IF;
  EXECUTE format('DROP TABLE %I', name);
END $$;

REVOKE EXECUTE ON FUNCTION aura_partition(text), aura_create_index_table(text, integer, text), aura_create_pooled_index(integer),
  aura_create_dedicated_index(uuid, integer), aura_build_dedicated_index(uuid), aura_drop_dedicated_index(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aura_create_pooled_index(integer), aura_create_dedicated_index(uuid, integer),
  aura_build_dedicated_index(uuid), aura_drop_dedicated_index(uuid) TO aura_app;
SELECT aura_create_pooled_index(384);
