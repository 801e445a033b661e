import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { useExplained } from "@/components/feedback";
import { Segments, TextArea } from "@/components/field";
import { toast } from "@/components/toasts";
import { useDraft } from "@/session/drafts";

type Rating = 1 | -1;
const REASONS = ["wrong", "unsupported", "incomplete", "unclear", "other"] as const;
type Reason = (typeof REASONS)[number];

interface OpinionState {
  readonly rating: Rating | null;
  readonly asking: boolean;
  readonly busy: boolean;
  readonly draft: string;
  readonly rate: (rating: Rating) => void;
  readonly explain: (reason: Reason, comment: string) => void;
  readonly close: () => void;
}

/** What the asker thinks of an answer. A bad opinion is sent at once, and may be explained. */
export function useOpinion(messageId: string | null): OpinionState {
  const { t } = useTranslation("chat");
  const explained = useExplained();
  const [rating, setRating] = useState<Rating | null>(null);
  const [asking, setAsking] = useState(false);
  const send = useMutation({
    mutationFn: (opinion: { rating: Rating; reason: string; comment: string }) =>
      dataOf(api.POST("/chat/feedback", { body: { message_id: messageId ?? "", ...opinion } })),
    onError: (error) => toast(explained(error), { tone: "bad" }),
  });
  const rate = (next: Rating) => {
    setRating(next);
    setAsking(next === -1);
    const onError = () => setRating(rating);
    send.mutate(
      { rating: next, reason: "", comment: "" },
      { onError, onSuccess: () => next === 1 && toast(t("thanks")) },
    );
  };
  const explain = (reason: Reason, comment: string) => {
    const onSuccess = () => {
      setAsking(false);
      toast(t("thanks"));
    };
    send.mutate({ rating: -1, reason, comment }, { onSuccess });
  };
  return { rating, asking, busy: send.isPending, draft: messageId ?? "", rate, explain, close: () => setAsking(false) };
}

/** Asks what was bad about an answer. */
export function Opinion({ opinion }: { readonly opinion: OpinionState }) {
  const { t } = useTranslation("chat");
  const [reason, setReason] = useState<Reason>("wrong");
  const [comment, setComment] = useDraft(`opinion.${opinion.draft}`);
  const send = () => {
    opinion.explain(reason, comment);
    setComment("");
  };
  const actions = (
    <>
      <Button onClick={opinion.close}>{t("common:cancel")}</Button>
      <Button look="primary" busy={opinion.busy && t("sending")} onClick={send}>
        {t("sendOpinion")}
      </Button>
    </>
  );
  return (
    <Dialog open onClose={opinion.close} title={t("whatWasBad")} actions={actions}>
      <Segments
        label={t("reason")}
        value={reason}
        options={REASONS.map((each) => [each, t(`reasons.${each}`)] as const)}
        onChange={setReason}
      />
      <br />
      <TextArea
        label={t("comment")}
        hint={t("commentHint")}
        maxLength={2_000}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
      />
    </Dialog>
  );
}
