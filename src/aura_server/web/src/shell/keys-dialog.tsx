import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { KEYS, type KeyName, shownKeys } from "./keyboard";
import styles from "./shell.module.css";

/** The list of what the keys do. */
export function KeysDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onClose={onClose} title={t("keyboard")}>
      <dl className={styles.keys}>
        {(Object.keys(KEYS) as KeyName[]).map((name) => (
          <div key={name}>
            <dt>{t(`keys.${name}`)}</dt>
            <dd>
              {KEYS[name].map((each) => (
                <kbd key={each}>{shownKeys(each)}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
