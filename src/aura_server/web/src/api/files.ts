import { authorised } from "@/session/session";
import { problemOf } from "./problems";

/** Have the browser keep what a route answers as a file. Raises `ApiProblem` or `Unreachable`. */
export async function download(path: string, filename: string): Promise<void> {
  const response = await authorised(path);
  if (!response.ok) throw await problemOf(response);
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = filename;
  link.click();
  URL.revokeObjectURL(address);
}
