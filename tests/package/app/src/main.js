import { roundTrip } from "./round-trip.js";

window.roundTrip = roundTrip;
