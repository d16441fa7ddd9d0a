import { ApiError, asApiError } from "./errors.js";

/** @typedef {import("./http.js").Http} Http */
/** @typedef {import("./types.js").Attachment} Attachment */

/**
 * @typedef {object} UploadOptions
 * @property {string} [name]
 * @property {string} [type]
 * @property {(share: number) => void} [onProgress]  called with 0 … 1
 * @property {AbortSignal} [signal]
 */

/**
 * Uploads a file; returns its attachment. Progress needs XMLHttpRequest, which browsers and React Native have; without
 * it, `onProgress` is called at the beginning and at the end. Raises ApiError.
 *
 * @param {Http} http
 * @param {Blob|ArrayBuffer|Uint8Array} file
 * @param {UploadOptions} [options]
 * @returns {Promise<Attachment>}
 */
export async function upload(http, file, options = {}) {
  const { name = named(file) ?? "file", type = typeOf(file), onProgress = () => undefined, signal } = options;
  const query = { name, type };
  onProgress(0);
  let answer;
  if (typeof XMLHttpRequest === "undefined" || !http.session) {
    const headers = { "content-type": type };
    answer = await http.json("POST", "/attachments", { raw: file, query, headers, signal, timeout: 0 });
  } else {
    const session = http.session;
    const attempt = (/** @type {string|null} */ token) =>
      withProgress(http.address("/attachments", query), file, type, token, onProgress, signal);
    const token = await session.fresh();
    answer = await attempt(token).catch(async (thrown) => {
      const error = asApiError(thrown);
      if (!error.isAuth) throw error;
      return attempt(await session.renew(token));
    });
  }
  onProgress(1);
  return answer;
}

/**
 * @param {string} address
 * @param {any} file
 * @param {string} type
 * @param {string|null} token
 * @param {(share: number) => void} onProgress
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
function withProgress(address, file, type, token, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("POST", address);
    request.setRequestHeader("content-type", type);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onerror = () => reject(ApiError.local("offline"));
    request.onabort = () => reject(ApiError.local("aborted"));
    request.onload = () => {
      let body;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = {};
      }
      if (request.status >= 200 && request.status < 300) resolve(body);
      else reject(new ApiError({ ...body, statusCode: request.status }));
    };
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    if (signal?.aborted) return reject(ApiError.local("aborted"));
    signal?.addEventListener("abort", abort);
    request.send(file);
  });
}

/** @param {any} file */
function named(file) {
  return typeof file.name === "string" && file.name ? file.name : undefined;
}

/** @param {any} file */
function typeOf(file) {
  return typeof file.type === "string" && file.type ? file.type : "application/octet-stream";
}
