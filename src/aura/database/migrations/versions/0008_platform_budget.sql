-- The platform's budget is reserved and charged in the transaction of the tenant, so that all levels hold or none does. The
-- application can not see what the platform has: it may call two functions, which say whether there was room.

CREATE POLICY functions ON platform_spent TO aura_owner USING (true) WITH CHECK (true);
CREATE POLICY functions ON platform_reservations TO aura_owner USING (true) WITH CHECK (true);

-- Reserves the first of `prices` that every limit has room for, and returns its place from 1; else the place of the
-- narrowest limit, negative. The rows of platform_spent are the locks.
CREATE FUNCTION aura_reserve_platform(
  reservation uuid, prices bigint[], spans text[], starts timestamptz[], limits bigint[], moment timestamptz, lease timestamptz
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  spent bigint;
  reserved bigint;
  room bigint;
  narrowest integer;
BEGIN
  FOR n IN 1 .. cardinality(spans) LOOP
    INSERT INTO platform_spent AS s (span, starts_at, micro_usd) VALUES (spans[n], starts[n], 0)
      ON CONFLICT (span, starts_at) DO UPDATE SET micro_usd = s.micro_usd RETURNING s.micro_usd INTO spent;
    IF room IS NULL OR limits[n] - spent < room THEN
      room := limits[n] - spent;
      narrowest := n;
    END IF;
  END LOOP;
  SELECT coalesce(sum(r.micro_usd), 0) INTO reserved FROM platform_reservations r WHERE r.lease_until > moment;
  FOR n IN 1 .. cardinality(prices) LOOP
    IF prices[n] >= 0 AND prices[n] <= room - reserved THEN
      INSERT INTO platform_reservations (id, micro_usd, lease_until) VALUES (reservation, prices[n], lease);
      RETURN n;
    END IF;
  END LOOP;
  RETURN -narrowest;
END $$;

-- Charges `amount` in the place of what was reserved. It can only rise: nobody gives the platform's money back.
CREATE FUNCTION aura_settle_platform(reservation uuid, amount bigint, spans text[], starts timestamptz[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  FOR n IN 1 .. cardinality(spans) LOOP
    INSERT INTO platform_spent AS s (span, starts_at, micro_usd) VALUES (spans[n], starts[n], greatest(amount, 0))
      ON CONFLICT (span, starts_at) DO UPDATE SET micro_usd = s.micro_usd + greatest(amount, 0);
  END LOOP;
  DELETE FROM platform_reservations WHERE id = reservation;
END $$;

REVOKE EXECUTE ON FUNCTION aura_reserve_platform(uuid, bigint[], text[], timestamptz[], bigint[], timestamptz, timestamptz),
  aura_settle_platform(uuid, bigint, text[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aura_reserve_platform(uuid, bigint[], text[], timestamptz[], bigint[], timestamptz, timestamptz),
  aura_settle_platform(uuid, bigint, text[], timestamptz[]) TO aura_app;
