// What the tests call in the page: a pond with recorded requests, and files made from known bytes.
"use strict";

const bench = {
  pond: null,
  requests: [],
  hooks: {},

  start(options) {
    this.pond = FilePond.create(document.querySelector("#pond"), {
      allowMultiple: true,
      allowMinimumUploadDuration: false,
      chunkRetryDelays: [50, 100, 300],
      ...this.hooks,
      ...options,
    });
  },

  /** What docs/filepond.md has a page do so that directories keep their shape. */
  keepFolders() {
    this.hooks.beforeAddFile = (item) => {
      if (item.relativePath) item.setMetadata("relativePath", item.relativePath);
      return true;
    };
  },

  /** A File of the bytes that the test makes from the same seed and size. */
  async file({ name, seed, size, type = "" }) {
    const bytes = await (await fetch(`/bytes/${seed}/${size}`)).arrayBuffer();
    return new File([bytes], name, { type });
  },

  async add(spec) {
    return this.addSource(await this.file(spec));
  },

  async addSource(source) {
    return (await within(60, this.pond.addFile(source))).id;
  },

  /** The items that the pond began with. */
  first() {
    return this.pond.getFiles().map((item) => item.id);
  },

  item(id) {
    return this.pond.getFile(id);
  },

  /** What a test may know of an item, or null once it has left the pond. */
  state(id) {
    const item = this.item(id);
    if (!item) return null;
    const status = Object.keys(FilePond.FileStatus).find((key) => FilePond.FileStatus[key] === item.status);
    return {
      status,
      serverId: item.serverId,
      transferId: item.transferId,
      name: item.filename,
      size: item.fileSize,
      type: item.fileType,
      loaded: item.file instanceof Blob,
    };
  },

  /** What a form around the pond would send. */
  values() {
    return [...document.querySelectorAll(".filepond--data input")].map((input) => input.value);
  },

  /** The bytes that FilePond holds for an item, in base 64. */
  async bytes(id) {
    const bytes = new Uint8Array(await this.item(id).file.arrayBuffer());
    let text = "";
    for (let start = 0; start < bytes.length; start += 0x8000) {
      text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
    }
    return btoa(text);
  },

  /** A plugin that turns one file into several, as image transforms do, through the client's own filter. */
  makeVariants() {
    FilePond.registerPlugin(({ addFilter }) => {
      addFilter("PREPARE_OUTPUT", async (file) => [
        { name: null, file },
        { name: "head_", file: new File([file.slice(0, 10)], file.name, { type: file.type }) },
        { name: "tail_", file: new File([file.slice(-20)], file.name, { type: file.type }) },
      ]);
      return { options: {} };
    });
  },
};

/** The promise's value, or an error after so many seconds: a browser waits for ever. */
function within(seconds, promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`FilePond did not answer within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]);
}

// FilePond sends by XMLHttpRequest; what it sent is part of what the tests check.
const { open, send, setRequestHeader } = XMLHttpRequest.prototype;

XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  this.recorded = { method, url: new URL(url, location.href).href, headers: {}, status: null };
  bench.requests.push(this.recorded);
  return open.call(this, method, url, ...rest);
};

XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
  this.recorded.headers[name.toLowerCase()] = value;
  return setRequestHeader.call(this, name, value);
};

XMLHttpRequest.prototype.send = function (body) {
  this.recorded.size = body instanceof Blob ? body.size : null;
  this.addEventListener("loadend", () => (this.recorded.status = this.status));
  return send.call(this, body);
};
