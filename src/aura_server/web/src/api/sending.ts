/** Sends a form as `fetch` would send the request, and tells which share of it has left: `fetch` itself does not. */
export function sendForm(
  request: Request,
  form: FormData,
  { signal, onSent }: { readonly signal: AbortSignal; readonly onSent: (share: number) => void },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    const abort = () => sending.abort();
    sending.open(request.method, request.url);
    request.headers.forEach((value, name) => {
      if (name !== "content-type") sending.setRequestHeader(name, value); // the form has a boundary of its own
    });
    sending.responseType = "blob";
    sending.upload.onprogress = ({ loaded, total }) => onSent(total > 0 ? loaded / total : 0);
    sending.onload = () => resolve(responseOf(sending));
    sending.onerror = () => reject(new TypeError("the request did not arrive"));
    sending.onabort = () => reject(new DOMException("the upload was cancelled", "AbortError"));
    sending.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    if (signal.aborted) reject(new DOMException("the upload was cancelled", "AbortError"));
    else sending.send(form);
  });
}

function responseOf(sent: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of sent
    .getAllResponseHeaders()
    .trim()
    .split(/[\r\n]+/)) {
    const at = line.indexOf(":");
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  const bare = sent.status === 204 || sent.status === 304;
  return new Response(bare ? null : (sent.response as Blob), { status: sent.status, headers });
}
