import { roundTrip } from "./round-trip.js";

onmessage = async ({ data }) => {
  try {
    postMessage(await roundTrip(data));
  } catch (error) {
    reportError(error);
  }
};
