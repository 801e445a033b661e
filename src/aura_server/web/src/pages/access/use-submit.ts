import { useState } from "react";
import { ApiProblem } from "@/api/problems";
import { useExplained } from "@/components/feedback";

/** A form that is sent to the server: whether it is on its way, and what the server found wrong, as a whole or by field. */
export function useSubmit<Values>(send: (values: Values) => Promise<void>) {
  const explained = useExplained();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (values: Values) => {
    setBusy(true);
    setError(null);
    try {
      await send(values);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const of = (field: string) => (error instanceof ApiProblem ? error.of(field) : undefined);
  const known = error instanceof ApiProblem && error.fields.length > 0;
  return { busy, submit, of, failure: error === null || known ? null : explained(error) };
}
