// Search in messages, in one conversation or in all.
import { account, client, headOf, nameOf, titleOf } from "./chat.js";
import { textOf } from "./acts.js";
import { here } from "./route.js";
import { brief } from "./time.js";
import { html, useEffect, useState } from "./ui.js";

const PAUSE = 250;

/** Searches when the query has not changed for a moment; returns `{hits, cursor, isLoading, error, more}`. */
export function useSearch({ q, conversationId }) {
  const [state, setState] = useState({ hits: [], isLoading: true });
  useEffect(() => {
    let isCurrent = true;
    if (!q) {
      setState({ hits: [], isLoading: false });
      return undefined;
    }
    setState((held) => ({ ...held, isLoading: true, error: undefined }));
    const timer = setTimeout(async () => {
      try {
        const found = await client.search({ q, conversationId, limit: 20 });
        if (isCurrent) setState({ ...found, isLoading: false });
      } catch (error) {
        if (isCurrent) setState({ hits: [], isLoading: false, error: error.statusCode === 400 ? undefined : textOf(error) });
      }
    }, PAUSE);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [q, conversationId]);
  const more = async () => {
    setState({ ...state, isLoading: true });
    try {
      const found = await client.search({ q, conversationId, limit: 20, cursor: state.cursor });
      setState({ ...found, hits: [...state.hits, ...found.hits], isLoading: false });
    } catch (error) {
      setState({ ...state, isLoading: false, error: textOf(error) });
    }
  };
  return { ...state, more };
}

export function Hits({ search, query, isNamed }) {
  const { hits, isLoading, error, cursor, more } = search;
  return html`<div aria-live="polite" aria-busy=${String(isLoading)}>
    ${error ? html`<p class="muted pad">${error}</p>` : hits.length === 0 && html`<p class="muted pad">${isLoading ? "Searching…" : "No message found."}</p>`}
    <ul class="hits">${hits.map((hit) => html`<li key=${hit._id}><${Hit} hit=${hit} query=${query} isNamed=${isNamed} /></li>`)}</ul>
    ${cursor && html`<button type="button" class="button wide" disabled=${isLoading} onClick=${more}>More</button>`}
  </div>`;
}

function Hit({ hit, query, isNamed }) {
  const who = hit.userId === account.value?.myId ? "You" : nameOf(hit.userId);
  const title = isNamed ? titleOf(headOf(hit.conversationId).value) || who : who;
  return html`<a class="hit" href=${here(`/c/${hit.conversationId}/${hit.seq}`)}>
    <span class="entry-top"><span class="entry-name" dir="auto">${title}</span><time datetime=${hit.createdAt}>${brief(hit.createdAt)}</time></span>
    <span class="hit-text" dir="auto">${title !== who && `${who}: `}${marked(excerpt(hit.text, query), query)}</span>
  </a>`;
}

/** The part of a text around the first word of a query. */
function excerpt(text, query) {
  const at = text.toLocaleLowerCase().indexOf(query.toLocaleLowerCase().split(/\s+/u)[0]);
  const start = Math.max(0, at - 40);
  return (start > 0 ? "…" : "") + text.slice(start, start + 140);
}

function marked(text, query) {
  const words = query.toLocaleLowerCase().split(/\s+/u).filter(Boolean).slice(0, 8);
  const lower = text.toLocaleLowerCase();
  const parts = [];
  for (let at = 0; at < text.length; ) {
    const next = words.map((word) => [lower.indexOf(word, at), word]).filter(([index]) => index >= 0).sort(([one], [other]) => one - other)[0];
    if (!next) {
      parts.push(text.slice(at));
      break;
    }
    parts.push(text.slice(at, next[0]), html`<mark>${text.slice(next[0], next[0] + next[1].length)}</mark>`);
    at = next[0] + next[1].length;
  }
  return parts;
}
