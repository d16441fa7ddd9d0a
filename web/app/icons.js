import { html } from "./ui.js";

// The icons are 24 × 24 with lines of 1.75.
const PATHS = {
  back: "M15 5l-7 7 7 7",
  bell: "M6 9a6 6 0 1 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7M10 20a2 2 0 0 0 4 0",
  bellOff: "M4 4l16 16M6.5 7A6 6 0 0 0 6 9c0 5-2 6-2 7h12M9 4a6 6 0 0 1 9 5c0 2 .3 3.4.8 4.5M10 20a2 2 0 0 0 4 0",
  block: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.6 5.6l12.8 12.8",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5L7 17l9-9.5M11 16l1 1 9.5-9.5",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l2.5 2",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  device: "M4 5h16v11H4zM9 20h6M12 16v4",
  dots: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  friend: "M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M3 20c.5-4 3.5-6 7-6s6.5 2 7 6M19 8v6M16 11h6",
  group: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 19c.5-3.5 3-5 6.5-5s6 1.5 6.5 5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M17 14.3c2.5.5 4 2 4.5 4.7",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9v.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5M12 8v.01",
  leave: "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
  people: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 20c.6-4 4-6 8-6s7.4 2 8 6",
  pin: "M9 4h6l-.5 6 3.5 3v2H6v-2l3.5-3zM12 15v6",
  play: "M8 5l11 7-11 7z",
  plus: "M12 5v14M5 12h14",
  reply: "M9 7l-5 5 5 5M4 12h9c4 0 6 2 7 6",
  retry: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5",
  send: "M4 12l16-8-5 17-3.5-7.5zM11.5 13.5L20 4",
  settings: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.5c1.5 2.5 5.5 2.5 7 0M9 9.5v.01M15 9.5v.01",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  unread: "M4 12V6h11M20 10v8H4l8-5 3 2M19 4.5v.01",
  warning: "M12 4L2.5 20h19zM12 10v4M12 17v.01",
  attach: "M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.6 1.6 0 0 1-2.3-2.3l7.8-7.8",
  bubble: "M4 5h16v11H11l-5 4v-4H4z",
};

/** A decorative icon; the control around it has the name. */
export function Icon({ name, size = 20 }) {
  return html`<svg class=${`icon of-${name}`} viewBox="0 0 24 24" width=${size} height=${size} aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} />
  </svg>`;
}
