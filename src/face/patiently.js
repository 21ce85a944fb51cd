// A page that is being buried, and a stream that failed, may hold on to their files for a moment.

const TRIES = 15;
const PAUSE = 200;

/** Another has it open, or has written it since it was looked up. */
const BUSY = ["NoModificationAllowedError", "NotReadableError"];

/** What nobody is to have open meanwhile, tried until nobody has. */
export async function patiently(act) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (!BUSY.includes(error.name) || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
