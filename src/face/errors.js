/** What every failed transfer rejects with. */
export class TransferError extends Error {
  constructor(code, message, retryable = false, status, storageCode, part) {
    super(message);
    this.name = "TransferError";
    this.code = code;
    this.retryable = retryable;
    if (status !== undefined) this.status = status;
    if (storageCode !== undefined) this.storageCode = storageCode;
    if (part !== undefined) this.part = part;
  }

  /** True also for an error of another copy of this package on the page. */
  static is(value) {
    return value instanceof Error && value.name === "TransferError" && typeof value.code === "string";
  }
}
