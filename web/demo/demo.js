// The demo page: the real FilePond client above, and below it the part that an application would play.
"use strict";

const basePath = document.querySelector('meta[name="fphost-base-path"]').content;
const chunkSize = 5_000_000;

// After a reload FilePond restores an upload by downloading it. Above this size it is only shown, not downloaded.
const largestRestore = 32_000_000;

const pollEvery = 2_000;

const $ = (selector, root = document) => root.querySelector(selector);
const announcer = $("#announcer");
const trouble = $("#trouble");

// --- The application's side ------------------------------------------------------------------------------------

/** Calls one of the page's own endpoints; throws the sentence of the server's problem document. */
async function call(method, path = "", body) {
  const headers = {};
  if (method !== "GET") headers["X-Fphost-Demo"] = "1";
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch("/demo/uploads" + path, { method, headers, body: body && JSON.stringify(body) });
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail || problem.title || `The host answered ${response.status}.`);
}

const pathOf = (upload) => "/" + encodeURIComponent(upload.id);

// --- What this tab remembers -----------------------------------------------------------------------------------

const memory = {
  key: "fphost.temporary-uploads",
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key)) || [];
    } catch {
      return [];
    }
  },
  write(ids) {
    sessionStorage.setItem(this.key, JSON.stringify(ids));
  },
};

// --- Words ------------------------------------------------------------------------------------------------------

// Powers of 1000, rounded as FilePond rounds on the same page: kilobytes down, larger units to one decimal.
function formatSize(bytes) {
  if (bytes === null || bytes === undefined) return "unknown";
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const rounded = unit < 2 ? Math.floor(value) : Math.round(value * 10) / 10;
  return `${rounded} ${units[unit]}`;
}

function describePlace(upload) {
  if (upload.state === "stored") return `${upload.path} in ${upload.store}`;
  if (!upload.expires_at) return "temporary";
  const minutes = Math.max(0, Math.round((Date.parse(upload.expires_at) - Date.now()) / 60_000));
  return `temporary, ${minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`} left`;
}

const nameOf = (upload) => upload.name || "(no name yet)";

// --- The table --------------------------------------------------------------------------------------------------

const table = {
  body: $("#uploads tbody"),
  template: $("#row"),
  rows: new Map(),

  /** Updates rows in place, so that neither the focus nor a selection is lost at each poll. */
  render(uploads) {
    const present = new Set(uploads.map((upload) => upload.id));
    for (const [id, row] of this.rows) {
      if (present.has(id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    uploads.forEach((upload, index) => {
      const row = this.rows.get(upload.id) || this.add(upload.id);
      this.fill(row, upload);
      if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] || null);
    });
    const bytes = uploads.reduce((sum, upload) => sum + (upload.received || 0), 0);
    setText($("#tally"), uploads.length ? `${uploads.length} shown, ${formatSize(bytes)}` : "");
    $("#empty").hidden = uploads.length > 0;
  },

  add(id) {
    const row = this.template.content.cloneNode(true).firstElementChild;
    row.dataset.id = id;
    this.rows.set(id, row);
    return row;
  },

  fill(row, upload) {
    const receiving = upload.state === "receiving";
    const temporary = upload.state === "complete";
    const variants = (upload.files || []).length - 1;
    const [store, load, remove] = ["store", "load", "delete"].map((name) => $(`[data-action=${name}]`, row));
    row.upload = upload;
    setText($(".file-name", row), nameOf(upload));
    setText($(".variants", row), variants > 0 ? `and ${variants} more` : "");
    setText(
      $(".size", row),
      receiving ? `${formatSize(upload.received)} of ${formatSize(upload.size)}` : formatSize(upload.size),
    );
    const progress = $(".progress", row);
    progress.hidden = !receiving;
    progress.value = upload.size ? upload.received / upload.size : 0;
    progress.setAttribute("aria-label", `${nameOf(upload)}: received`);
    setText($(".type", row), receiving ? "" : upload.content_type || "");
    const state = $(".state", row);
    setText(state, upload.state);
    state.dataset.state = upload.state;
    setText($(".place", row), describePlace(upload));
    store.hidden = !temporary;
    load.hidden = receiving;
    load.href = "/demo/uploads" + pathOf(upload) + "/content";
    store.setAttribute("aria-label", `Store ${nameOf(upload)}`);
    load.setAttribute("aria-label", `Load ${nameOf(upload)}`);
    remove.setAttribute("aria-label", `Delete ${nameOf(upload)}`);
  },
};

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

table.body.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  const { upload } = button.closest("tr");
  if (button.dataset.action === "store") askForPath(upload);
  else askToDelete(upload);
});

let pollTimer;
let running;

/** Reads the list now, and again every two seconds as long as somebody looks at the page. */
function refresh() {
  clearTimeout(pollTimer);
  running ??= call("GET")
    .then((list) => {
      trouble.hidden = true;
      table.render(list.uploads);
      return list.uploads;
    })
    .catch((error) => {
      setText(trouble, `The list of uploads is out of date: ${error.message} Trying again.`);
      trouble.hidden = false;
      return null;
    })
    .finally(() => {
      running = undefined;
      if (!document.hidden) pollTimer = setTimeout(refresh, pollEvery);
    });
  return running;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

// --- Dialogs ----------------------------------------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

/** Opens a dialog whose submit runs `action`, and which stays open with the reason if that fails. */
function openDialog(name, action) {
  const dialog = $(`#${name}-dialog`);
  const form = $("form", dialog);
  const submit = $("[type=submit]", form);
  const complaint = $(".error", dialog);
  setText(complaint, "");
  form.onsubmit = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await action();
      dialog.close();
      await refresh();
      // The button that opened the dialog may be gone with its row: give the focus a place that stays.
      if (document.activeElement === document.body) focusHeading();
    } catch (error) {
      setText(complaint, error.message);
    } finally {
      submit.disabled = false;
    }
  };
  dialog.showModal();
}

function focusHeading() {
  const heading = $("#arrived-title");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function askForPath(upload) {
  const field = $("#store-path");
  field.value = `demo/${upload.name || upload.id}`;
  openDialog("store", async () => {
    const path = field.value.trim();
    await call("POST", pathOf(upload) + "/store", { path });
    dropFromPond(upload.id);
    announcer.textContent = `${nameOf(upload)} is stored as ${path}.`;
  });
  field.select();
}

function askToDelete(upload) {
  setText($("#delete-name"), nameOf(upload));
  openDialog("delete", async () => {
    await call("DELETE", pathOf(upload));
    dropFromPond(upload.id);
    announcer.textContent = `${nameOf(upload)} is deleted.`;
  });
}

// --- FilePond ---------------------------------------------------------------------------------------------------

let pond;

function dropFromPond(id) {
  const item = pond?.getFiles().find((file) => file.serverId === id);
  if (item) pond.removeFile(item.id);
}

/** What went wrong in the host's own words, which FilePond then has as the error's body. */
function sentence(body) {
  try {
    return JSON.parse(body).detail;
  } catch {
    return "";
  }
}

/** The uploads of this tab that are still temporary, as FilePond wants its initial files. */
function restorable(uploads) {
  const remembered = new Set(memory.read());
  return uploads
    .filter((upload) => upload.state === "complete" && remembered.has(upload.id))
    .map(({ id, name, size, content_type: type }) => ({
      source: id,
      options: { type: "limbo", ...(size > largestRestore && { file: { name, size, type } }) },
    }));
}

function startPond(uploads) {
  FilePond.registerPlugin(...[window.FilePondPluginImagePreview].filter(Boolean));
  pond = FilePond.create($("#pond"), {
    allowMultiple: true,
    chunkUploads: true,
    chunkSize,
    maxParallelUploads: 3,
    imagePreviewMaxHeight: 120,
    files: restorable(uploads),
    server: {
      url: basePath,
      process: { url: "/process/", onerror: sentence },
      patch: { url: "/patch/", onerror: sentence },
      revert: "/revert/",
      load: "/load/?id=",
      restore: "/restore/?id=",
      fetch: { url: "/fetch/?target=", method: "HEAD" },
    },
    labelFileProcessingError: (error) => error.body || "Error during upload",
  });
  const remember = () => memory.write(pond.getFiles().flatMap((file) => file.serverId || []));
  pond.on("processfile", (error, item) => {
    remember();
    refresh();
    if (!error) announcer.textContent = `${item.filename} has arrived.`;
  });
  pond.on("addfile", () => {
    remember();
    refresh();
  });
  pond.on("processfilestart", refresh);
  pond.on("removefile", () => {
    remember();
    refresh();
  });
}

$("#remote").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = $("#remote-url");
  // A refusal is shown by FilePond on the file itself.
  pond.addFile(field.value).catch(() => {});
  field.value = "";
});

(async () => {
  const uploads = await refresh();
  if (window.FilePond) {
    startPond(uploads || []);
  } else {
    $("#sender").hidden = true;
    $("#missing").hidden = false;
  }
})();
