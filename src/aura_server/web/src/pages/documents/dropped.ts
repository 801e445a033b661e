import { useEffect, useState } from "react";
import type { Chosen } from "./uploads";

/** The files of an input, with their folders where a folder was chosen. */
export const chosenIn = (list: FileList | null): readonly Chosen[] =>
  [...(list ?? [])].map((file) => ({ file, filename: file.webkitRelativePath || file.name }));

/** Takes files and folders that are dropped anywhere in the window; whether something is held over it now. */
export function useDrop(onFiles: (chosen: readonly Chosen[]) => void): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const hold = (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      void chosenFrom(event.dataTransfer).then(onFiles);
    };
    const heard = { dragenter: enter, dragleave: leave, dragover: hold, drop };
    for (const [name, act] of Object.entries(heard)) window.addEventListener(name, act as EventListener);
    return () => {
      for (const [name, act] of Object.entries(heard)) window.removeEventListener(name, act as EventListener);
    };
  }, [onFiles]);
  return over;
}

async function chosenFrom(data: DataTransfer): Promise<readonly Chosen[]> {
  // Entries must be taken before the first pause: the browser empties the list after the event.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return chosenIn(data.files);
  const found = await Promise.all(entries.map((entry) => inside(entry)));
  return found.flat();
}

async function inside(entry: FileSystemEntry): Promise<readonly Chosen[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, filename: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Chosen[] = [];
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return found; // it gives a hundred at a time
    for (const each of entries) found.push(...(await inside(each)));
  }
}
