// The visitor: a name kept in this browser, and a token for it that is renewed before it lapses.

const ADJECTIVES = ["brave", "calm", "clever", "gentle", "lucky", "merry", "quick", "quiet", "swift", "witty"];
const ANIMALS = ["badger", "finch", "heron", "lynx", "marten", "otter", "plover", "robin", "stoat", "wren"];
const STORED_AS = "presigned-demo-user";
/** A token is renewed when this share of its life is over. */
const RENEW_AT = 0.8;

export class Session {
  user = rememberedName();
  #token;
  #renewAt = 0;
  #renewal;

  /** Headers for the backend; the SDK asks for them afresh with each request. */
  headers = async () => {
    if (performance.now() >= this.#renewAt) {
      this.#renewal ??= this.#logIn().finally(() => (this.#renewal = undefined));
      await this.#renewal;
    }
    return { authorization: `Bearer ${this.#token}` };
  };

  async #logIn() {
    const asked = performance.now();
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: this.user }),
    });
    if (!answer.ok) throw new TypeError(`The server answered the sign-in with ${answer.status}.`);
    const { token, expires_in: seconds } = await answer.json();
    this.#token = token;
    // Counted from before the question, on a clock that nobody can set.
    this.#renewAt = asked + seconds * 1000 * RENEW_AT;
  }
}

function rememberedName() {
  const made = `${pick(ADJECTIVES)}-${pick(ANIMALS)}-${Math.floor(Math.random() * 900) + 100}`;
  try {
    const kept = localStorage.getItem(STORED_AS);
    if (kept && /^[a-z0-9_-]{1,32}$/.test(kept)) return kept;
    localStorage.setItem(STORED_AS, made);
  } catch {
    // A browser may forbid storage; the name then lasts as long as the page.
  }
  return made;
}

function pick(words) {
  return words[Math.floor(Math.random() * words.length)];
}
