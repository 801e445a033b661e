import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { download } from "@/api/files";
import type { LimitResponse, OrganisationResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Failure, Progress, Skeleton } from "@/components/feedback";
import { Facts, Panel, Row, Stack } from "@/components/panel";
import { Table } from "@/components/table";
import { count, moment, size } from "@/i18n/formats";
import { organisation } from "@/session/branding";
import { Branding } from "./branding";

const BYTES = new Set(["max_storage_gb"]);

/** The organisation itself: its name and colour, its plan and what is left of it, and an archive to take along. */
export function Organisation() {
  const { t } = useTranslation("admin");
  const { data, error, isPending, refetch } = useQuery(organisation);
  if (isPending) return <Skeleton lines={6} />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <>
      <Panel title={t("parts.organisation")}>
        <Plan of={data} />
        <Branding of={data} />
      </Panel>
      <Limits />
      <Leaving of={data} />
    </>
  );
}

function Plan({ of }: { readonly of: OrganisationResponse }) {
  const { t } = useTranslation("admin");
  return (
    <Facts
      facts={[
        [t("address"), of.subdomain],
        [t("plan"), of.subscription_tier],
        [t("since"), moment(of.created_at)],
        [t("ends"), of.expires_at ? moment(of.expires_at) : t("never")],
      ]}
    />
  );
}

function Limits() {
  const { t } = useTranslation("admin");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["tenant", "usage"],
    queryFn: () => dataOf(api.GET("/tenant/usage")),
  });
  const said = (row: LimitResponse, value: number) => (BYTES.has(row.limit) ? size(value) : count(value));
  return (
    <Panel title={t("limits")} hint={t("limitsHint")}>
      {isPending && <Skeleton lines={4} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && (
        <Table<LimitResponse>
          caption={t("limits")}
          rows={data.limits}
          rowKey={(row) => `${row.limit} ${row.subject}`}
          columns={[
            {
              key: "limit",
              head: t("limit"),
              cell: (row) => t(`limitNames.${row.limit}`, { defaultValue: row.limit.replaceAll("_", " ") }),
            },
            {
              key: "of",
              head: t("of"),
              cell: (row) => t(`limited.${row.subject.split(":")[0]}`, { defaultValue: row.subject }),
            },
            {
              key: "bar",
              head: t("used"),
              cell: (row) => (
                <Stack>
                  <span>{t("usedOf", { used: said(row, row.used), most: said(row, row.maximum) })}</span>
                  <Progress
                    label={t(`limitNames.${row.limit}`, { defaultValue: row.limit })}
                    value={row.maximum === 0 ? 1 : Math.min(1, row.used / row.maximum)}
                  />
                </Stack>
              ),
            },
            { key: "left", head: t("left"), numeric: true, secondary: true, cell: (row) => said(row, row.remaining) },
            {
              key: "renews",
              head: t("renews"),
              secondary: true,
              cell: (row) => (row.renews_at ? moment(row.renews_at) : "–"),
            },
          ]}
        />
      )}
    </Panel>
  );
}

function Leaving({ of }: { readonly of: OrganisationResponse }) {
  const { t } = useTranslation("admin");
  const keep = useChange(() => download("/tenant/export", `${of.subdomain}.aura.zip`));
  return (
    <Panel title={t("archive")} hint={t("archiveHint")}>
      <Row>
        <Button busy={keep.isPending && t("packing")} onClick={() => keep.mutate(undefined)}>
          {t("export")}
        </Button>
      </Row>
    </Panel>
  );
}
