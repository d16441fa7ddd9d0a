// Times and sizes in the language of the browser.
const DAY = 86_400_000;
const format = (options) => new Intl.DateTimeFormat(undefined, options);
const CLOCK = format({ hour: "numeric", minute: "2-digit" });
const WEEKDAY = format({ weekday: "long" });
const SHORT_WEEKDAY = format({ weekday: "short" });
const DATE = format({ day: "numeric", month: "long" });
const SHORT_DATE = format({ day: "numeric", month: "short" });
const FULL_DATE = format({ day: "numeric", month: "long", year: "numeric" });
const NUMERIC = format({ dateStyle: "short" });
const FULL = format({ dateStyle: "full", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
const daysAgo = (moment) => Math.round((midnight(Date.now()) - midnight(moment)) / DAY);
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

export const clock = (moment) => CLOCK.format(new Date(moment));
export const full = (moment) => FULL.format(new Date(moment));
export const dayKey = (moment) => midnight(moment);

/** The heading of a day: Today, Yesterday, Monday, 3 May, 3 May 2025. */
export function day(moment) {
  const ago = daysAgo(moment);
  if (ago >= 0 && ago < 2) return capital(RELATIVE.format(-ago, "day"));
  if (ago > 0 && ago < 7) return WEEKDAY.format(new Date(moment));
  const isThisYear = new Date(moment).getFullYear() === new Date().getFullYear();
  return (isThisYear ? DATE : FULL_DATE).format(new Date(moment));
}

/** The time in a list: 14:05, Mon, 3 May, 03/05/25. */
export function brief(moment) {
  const ago = daysAgo(moment);
  if (ago <= 0) return clock(moment);
  if (ago < 7) return SHORT_WEEKDAY.format(new Date(moment));
  const isThisYear = new Date(moment).getFullYear() === new Date().getFullYear();
  return (isThisYear ? SHORT_DATE : NUMERIC).format(new Date(moment));
}

/** How long ago: 5 minutes ago, yesterday. */
export function since(moment) {
  const seconds = Math.max(0, (Date.now() - new Date(moment)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return RELATIVE.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return RELATIVE.format(-Math.floor(seconds / 3600), "hour");
  return daysAgo(moment) < 30 ? RELATIVE.format(-Math.max(1, daysAgo(moment)), "day") : FULL_DATE.format(new Date(moment));
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** A size in bytes: 840 byte, 12 kB, 3.4 MB. */
export function bytes(count) {
  let unit = 0;
  let value = count;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  const options = { style: "unit", unit: UNITS[unit], unitDisplay: unit ? "short" : "long" };
  return new Intl.NumberFormat(undefined, { ...options, maximumFractionDigits: value < 10 && unit > 1 ? 1 : 0 }).format(value);
}
