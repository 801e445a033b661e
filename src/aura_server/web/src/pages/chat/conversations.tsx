import { useInfiniteQuery } from "@tanstack/react-query";
import { MoreHorizontal, Pencil, Pin, PinOff, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, useMatch, useNavigate } from "react-router";
import type { ConversationResponse } from "@/api/schema";
import { Button, IconButton } from "@/components/button";
import { classes } from "@/components/classes";
import { Confirm, Dialog } from "@/components/dialog";
import { Failure, Skeleton } from "@/components/feedback";
import { TextField } from "@/components/field";
import { Menu, MenuItem } from "@/components/menu";
import { conversations, useConversationChanges } from "./conversation-data";
import styles from "./conversations.module.css";
import { grouped } from "./days";

/** The caller's conversations by day, each with what can be done to it. */
export function Conversations({ onLeave }: { readonly onLeave?: () => void }) {
  const { t } = useTranslation("chat");
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } =
    useInfiniteQuery(conversations);
  const all = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <nav className={styles.list} aria-label={t("conversations")}>
      {isPending && <Skeleton lines={5} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && all.length === 0 && <p className={styles.none}>{t("noConversations")}</p>}
      {grouped(all).map(([day, items]) => (
        <section key={day} aria-label={t(`days.${day}`)}>
          <h2 className={styles.day}>{t(`days.${day}`)}</h2>
          <ul>
            {items.map((each) => (
              <Row key={each.session_id} conversation={each} onLeave={onLeave} />
            ))}
          </ul>
        </section>
      ))}
      {hasNextPage && (
        <Button
          small
          look="quiet"
          busy={isFetchingNextPage && t("common:loading")}
          onClick={() => void fetchNextPage()}
        >
          {t("older")}
        </Button>
      )}
    </nav>
  );
}

interface RowProps {
  readonly conversation: ConversationResponse;
  readonly onLeave?: () => void;
}

function Row({ conversation, onLeave }: RowProps) {
  const { t } = useTranslation("chat");
  const [asking, setAsking] = useState<"rename" | "delete" | null>(null);
  const { pin } = useConversationChanges();
  const { session_id, pinned } = conversation;
  const title = conversation.title || t("untitled");
  return (
    <li className={styles.row}>
      <NavLink
        to={`/c/${session_id}`}
        className={({ isActive }) => classes(styles.link, isActive && styles.here)}
        title={title}
        onClick={onLeave}
      >
        {title}
      </NavLink>
      <Menu
        trigger={
          <IconButton className={styles.more} label={t("actionsOf", { title })} icon={<MoreHorizontal size={16} />} />
        }
      >
        <MenuItem
          icon={pinned ? <PinOff size={16} /> : <Pin size={16} />}
          onSelect={() => pin.mutate({ session_id, pinned: !pinned })}
        >
          {pinned ? t("unpin") : t("pin")}
        </MenuItem>
        <MenuItem icon={<Pencil size={16} />} onSelect={() => setAsking("rename")}>
          {t("rename")}
        </MenuItem>
        <MenuItem danger icon={<Trash2 size={16} />} onSelect={() => setAsking("delete")}>
          {t("common:delete")}
        </MenuItem>
      </Menu>
      {asking === "rename" && <Renaming conversation={conversation} onClose={() => setAsking(null)} />}
      {asking === "delete" && <Deleting conversation={conversation} title={title} onClose={() => setAsking(null)} />}
    </li>
  );
}

function Renaming({
  conversation,
  onClose,
}: {
  readonly conversation: ConversationResponse;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation("chat");
  const { rename } = useConversationChanges();
  const [title, setTitle] = useState(conversation.title);
  const save = () => {
    if (title.trim() === "") return;
    rename.mutate({ session_id: conversation.session_id, title: title.trim() }, { onSuccess: onClose });
  };
  const actions = (
    <>
      <Button onClick={onClose}>{t("common:cancel")}</Button>
      <Button look="primary" onClick={save} busy={rename.isPending && t("common:loading")}>
        {t("common:save")}
      </Button>
    </>
  );
  return (
    <Dialog open onClose={onClose} title={t("rename")} actions={actions}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <TextField
          label={t("title")}
          value={title}
          maxLength={200}
          onChange={(event) => setTitle(event.target.value)}
          onFocus={(event) => event.target.select()}
        />
      </form>
    </Dialog>
  );
}

interface DeletingProps extends RowProps {
  readonly title: string;
  readonly onClose: () => void;
}

function Deleting({ conversation, title, onClose }: DeletingProps) {
  const { t } = useTranslation("chat");
  const navigate = useNavigate();
  const open = useMatch("/c/:conversation")?.params.conversation === conversation.session_id;
  const { remove } = useConversationChanges();
  const onConfirm = () =>
    remove.mutate(conversation.session_id, {
      onSuccess: () => {
        onClose();
        if (open) void navigate("/");
      },
    });
  return (
    <Confirm
      open
      title={t("deleteConversation")}
      action={t("common:delete")}
      busy={remove.isPending && t("common:loading")}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>{t("deleteWarning", { title })}</p>
    </Confirm>
  );
}
