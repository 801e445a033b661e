import { vi } from "vitest";

type Answer = unknown | ((request: Request, url: URL) => unknown);

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: unknown;
}

export const LOGIN = {
  access_token: "token-1",
  token_type: "bearer",
  user_id: "00000000-0000-0000-0000-0000000000a1",
  tenant_id: "00000000-0000-0000-0000-0000000000b1",
  organization: "Acme",
  role: "admin",
  refresh_token: "",
  expires_in: 900,
};

/** Answers of a server: a value is sent as JSON, a `Response` as it is, a function is asked. Unknown routes answer 404. */
export class FakeServer {
  readonly received: Received[] = [];
  private readonly answers: Map<string, Answer>;

  /** `routes`: "GET /tenant" → its answer. */
  constructor(routes: Record<string, Answer>) {
    this.answers = new Map(Object.entries(routes));
    vi.stubGlobal("XMLHttpRequest", sendingTo(this));
    vi.stubGlobal("fetch", (input: Request | string, init?: RequestInit) => this.answer(input, init));
  }

  /** Answer a route differently from now on. */
  on(route: string, answer: Answer): void {
    this.answers.set(route, answer);
  }

  /** What was asked of a route, in order. */
  of(route: string): Received[] {
    return this.received.filter((each) => `${each.method} ${each.path}` === route);
  }

  /** What is answered to a request. */
  async answer(input: Request | string, init?: RequestInit): Promise<Response> {
    const request = new Request(typeof input === "string" ? new URL(input, window.location.origin) : input, init);
    const url = new URL(request.url);
    const text = await request.clone().text();
    const body = text === "" ? null : parsed(text);
    this.received.push({
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
    });
    const known = this.answers.get(`${request.method} ${url.pathname}`);
    const answer = typeof known === "function" ? await known(request, url) : known;
    if (answer instanceof Response) return answer;
    return answer === undefined ? problem(404, "there is no such thing") : Response.json(answer);
  }
}

/** As much of `XMLHttpRequest` as uploads use. It has sent half when the server begins to answer. The form stays here. */
function sendingTo(server: FakeServer) {
  return class {
    readonly upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    onloadend?: () => void;
    status = 0;
    response: Blob | null = null;
    private readonly headers = new Headers();
    private address: readonly [method: string, url: string] = ["GET", "/"];

    open(method: string, url: string) {
      this.address = [method, url];
    }
    setRequestHeader(name: string, value: string) {
      this.headers.set(name, value);
    }
    getAllResponseHeaders() {
      return "content-type: application/json";
    }
    abort() {
      this.onabort?.();
    }
    send() {
      const [method, url] = this.address;
      this.upload.onprogress?.({ loaded: 1, total: 2 });
      void server.answer(new Request(url, { method, headers: this.headers })).then(async (answer) => {
        this.status = answer.status;
        this.response = await answer.blob();
        this.onload?.();
      });
    }
  };
}

/** A refusal as the server writes it. */
export function problem(status: number, detail: string, errors: { field: string; message: string }[] = []): Response {
  return Response.json(
    { type: "urn:aura:test", title: "Refused", status, detail, request_id: "r-1", errors },
    { status },
  );
}

/** A stream of server-sent events; `[name, data]` each, numbered from 0 as `id: <response>:<seq>`. */
export function eventStream(response: string, events: readonly (readonly [string, unknown])[], from = 0): Response {
  const lines = events.map(([name, data], index) => {
    const id = name === "error" || name === "ping" ? "" : `id: ${response}:${from + index}\n`;
    return `event: ${name}\n${id}data: ${JSON.stringify(data)}\n\n`;
  });
  return new Response(lines.join(""), { headers: { "Content-Type": "text/event-stream" } });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
