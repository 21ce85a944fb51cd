// A page that is being buried, and a stream that failed, may hold on to their files for a moment.

const TRIES = 15;
const PAUSE = 200;

/** What nobody is to have open meanwhile, tried until nobody has. */
export async function patiently(act) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (error.name !== "NoModificationAllowedError" || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
