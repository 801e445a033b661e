import createClient from "openapi-fetch";
import { authorised } from "@/session/session";
import { problemOf } from "./problems";
import type { paths } from "./schema";

/** The server's routes with the types of its own description. Calls carry the session. */
export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: (request) => authorised(request) });

interface Outcome<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** The data of a call: `const documents = await dataOf(api.GET("/documents/"))`. Raises `ApiProblem` or `Unreachable`. */
export async function dataOf<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) {
    // openapi-fetch has read the body already
    throw await problemOf(new Response(JSON.stringify(error ?? {}), response));
  }
  return data as T;
}
