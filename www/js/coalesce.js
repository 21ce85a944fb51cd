// Many wishes for the same answer become one question, or two.

/** The same `ask`, but calls during a question make one more question, not many. */
export function coalesce(ask) {
  let asking;
  let again = false;
  return function refresh() {
    if (asking) {
      again = true;
      return asking;
    }
    asking = ask().finally(() => {
      asking = undefined;
      if (!again) return;
      again = false;
      refresh();
    });
    return asking;
  };
}
