// What the pages of generation do better with a script: uploads by drag and drop, with their progress.
"use strict";

const drop = document.querySelector("[data-drop]");
if (drop) {
  const form = drop.closest("form");
  const field = drop.querySelector("input[type=file]");
  const bar = drop.querySelector("progress");
  const said = drop.querySelector("[data-said]");
  const say = (words) => { said.textContent = words; said.hidden = false; };
  const megabytes = (octets) => `${(octets / 1e6).toFixed(1)} MB`;

  drop.querySelector("[data-hint]").hidden = false;
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    send();
  });
  field.addEventListener("change", () => { if (field.files.length) send(); });
  // A file may have been chosen before this script was there.
  if (field.files.length) send();
  form.addEventListener("submit", (event) => { if (field.files.length) { event.preventDefault(); send(); } });

  // Two steps, because a page's own address takes 4.5 MB at most: the bytes go by a link, then the form says where they are.
  async function send() {
    const file = field.files[0];
    if (file.size > Number(drop.dataset.most)) return say(`It has ${megabytes(file.size)}; at most ${megabytes(Number(drop.dataset.most))} are taken.`);
    const asked = new URLSearchParams(new FormData(form));
    asked.delete("file");
    asked.set("filename", file.name);
    asked.set("size", Math.max(1, file.size));
    const answer = await fetch(drop.dataset.link, { method: "POST", body: asked }).catch(() => null);
    if (!answer?.ok) return say("The server did not take it. Try again.");
    const { href, upload } = await answer.json();
    put(file, href, upload);
  }

  function put(file, href, upload) {
    const request = new XMLHttpRequest();
    bar.hidden = false;
    request.upload.addEventListener("progress", (event) => {
      bar.max = event.total;
      bar.value = event.loaded;
      say(`${megabytes(event.loaded)} of ${megabytes(event.total)}`);
    });
    request.addEventListener("load", () => {
      if (request.status >= 300) return say("The upload was refused. Try again.");
      say("Reading it…");
      form.querySelector("[name=upload]").value = upload;
      form.querySelector("[name=filename]").value = file.name;
      field.disabled = true;
      form.submit();
    });
    request.addEventListener("error", () => say("The connection broke off. Try again."));
    request.open("PUT", href);
    request.send(file);
  }
}
