import { Slot } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import styles from "./button.module.css";
import { classes } from "./classes";

type Look = "primary" | "plain" | "quiet" | "danger";

interface ButtonProps extends ComponentProps<"button"> {
  readonly look?: Look;
  readonly small?: boolean;
  /** What it is doing; the button keeps its size, says this, and can not be pressed meanwhile. */
  readonly busy?: string | false;
  /** The one child, a link say, looks like the button. */
  readonly asChild?: boolean;
}

/** A button with a word on it. */
export function Button({ look = "plain", small, busy, asChild, className, children, ...rest }: ButtonProps) {
  const Tag = asChild ? Slot.Root : "button";
  const own = asChild ? {} : { type: rest.type ?? ("button" as const), "aria-disabled": busy ? true : undefined };
  const onClick = busy ? (event: { preventDefault: () => void }) => event.preventDefault() : rest.onClick;
  return (
    <Tag
      {...rest}
      {...own}
      onClick={onClick}
      className={classes(styles.button, styles[look], small && styles.small, className)}
    >
      {busy ? <span>{busy}</span> : children}
    </Tag>
  );
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "children" | "aria-label"> {
  /** Its name, said to assistive technology and shown as a tip. */
  readonly label: string;
  readonly icon: ReactNode;
  readonly pressed?: boolean;
  /** The keys that do the same, shown in the tip. */
  readonly keys?: string;
}

/** A button with an icon, which always has a name. 32 px square, 44 px where a finger points. */
export function IconButton({ label, icon, pressed, keys, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      aria-pressed={pressed}
      title={keys ? `${label} (${keys})` : label}
      className={classes(styles.icon, className)}
    >
      {icon}
    </button>
  );
}
