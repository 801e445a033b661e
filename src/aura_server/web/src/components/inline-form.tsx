import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "@/api/use-change";
import { Button } from "./button";
import { Notice, useExplained } from "./feedback";
import { Row } from "./panel";
import { toast } from "./toasts";

interface InlineFormProps {
  /** Sends what the fields hold. */
  readonly send: () => Promise<unknown>;
  /** What is read anew afterwards. */
  readonly reads: readonly unknown[];
  /** Empties the fields, once they were taken. */
  readonly onSaved: () => void;
  /** The verb on the button, and what it says while it is busy. */
  readonly action: string;
  readonly busy: string;
  readonly children: ReactNode;
}

/** Some fields and a button in one line. What was refused stays in the fields, with the reason above them. */
export function InlineForm({ send, reads, onSaved, action, busy, children }: InlineFormProps) {
  const { t } = useTranslation();
  const explained = useExplained();
  const [failure, setFailure] = useState<string | null>(null);
  const save = useChange(send, {
    reads: [reads],
    onDone: () => {
      setFailure(null);
      onSaved();
      toast(t("saved"));
    },
    onError: (error) => setFailure(explained(error)),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate(undefined);
  };
  return (
    <form onSubmit={onSubmit}>
      {failure && <Notice tone="bad">{failure}</Notice>}
      <Row>
        {children}
        <Button type="submit" busy={save.isPending && busy}>
          {action}
        </Button>
      </Row>
    </form>
  );
}
