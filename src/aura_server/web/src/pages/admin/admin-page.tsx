import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Routes } from "react-router";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/feedback";
import { Sections } from "@/components/sections";
import { Keys } from "@/pages/settings/keys";
import { useIdentity } from "@/session/use-session";
import { NothingHere } from "@/shell/no-such-page";
import { Page } from "@/shell/page";
import { AuditPart } from "./audit";
import { Costs } from "./costs";
import { DashboardPart } from "./dashboard";
import { HealthPart } from "./health";
import { Jobs } from "./jobs";
import { Members } from "./members";
import { Models } from "./models";
import { Organisation } from "./organisation";

const ANALYTICS = { dashboard: DashboardPart, costs: Costs } as const;
const PARTS = {
  ...ANALYTICS,
  members: Members,
  keys: Keys,
  models: Models,
  jobs: Jobs,
  health: HealthPart,
  audit: AuditPart,
  organisation: Organisation,
} as const;

/** What the organisation's admins see and decide; managers see its figures. The server refuses everybody else, too. */
export function Component() {
  const { t } = useTranslation("admin");
  const { role } = useIdentity();
  if (role !== "admin" && role !== "manager") return <NotForYou />;
  const seen: Partial<typeof PARTS> = role === "admin" ? PARTS : ANALYTICS;
  const parts = Object.entries(PARTS) as [keyof typeof PARTS, ComponentType][];
  return (
    <Page title={t("title")} wide>
      <Sections
        label={t("title")}
        sections={parts
          .filter(([part]) => part in seen)
          .map(([part]) => ({ to: `/console/${part}`, word: t(`parts.${part}`) }))}
      />
      <Routes>
        {parts.map(([part, Part]) => (
          <Route key={part} path={part} element={part in seen ? <Part /> : <ForAdmins />} />
        ))}
        <Route path="*" element={<NothingHere />} />
      </Routes>
    </Page>
  );
}

function NotForYou() {
  const { t } = useTranslation("admin");
  return (
    <Page title={t("title")}>
      <ForAdmins />
    </Page>
  );
}

function ForAdmins() {
  const { t } = useTranslation("admin");
  const action = (
    <Button asChild look="primary">
      <Link to="/">{t("common:toChat")}</Link>
    </Button>
  );
  return (
    <EmptyState title={t("notForYou")} action={action}>
      {t("notForYouHint")}
    </EmptyState>
  );
}
